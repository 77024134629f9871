# The same on 100 photographs of horse, cat and person.
_base_ = 'voc20_efficientnet-lite0_strides.py'
work_dir = 'work_dirs/voc20_100'
images = 'train_100.txt'
