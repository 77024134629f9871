# The same on 100 photographs of horse, cat and person.
_base_ = 'voc20_cam_methods.py'
work_dir = 'work_dirs/voc20_cam_methods_100'
images = 'train_100.txt'
variants = dict(cam=dict(exported=None))
