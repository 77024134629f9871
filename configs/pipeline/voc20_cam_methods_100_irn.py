# The same of voc20_cam_methods_100.py, on all of its 100 photographs.
_base_ = 'voc20_cam_methods_irn.py'
work_dir = 'work_dirs/voc20_cam_methods_100_irn'
seeds = 'work_dirs/voc20_cam_methods_100'
images = 'train_100.txt'
every = 1
