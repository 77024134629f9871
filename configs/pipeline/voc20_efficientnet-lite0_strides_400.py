# The same on 400 photographs of voc8's classes.
_base_ = 'voc20_efficientnet-lite0_strides.py'
work_dir = 'work_dirs/voc20_400'
images = 'train_400.txt'
