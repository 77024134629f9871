# The recipe of SEAM's code; its authors report 55.4 mIoU of multi-scale seeds on `train`.
_base_ = [
    '../../_base_/hosts/seam_resnet38.py',
    '../../_base_/datasets/voc12_seam.py',
    '../../_base_/schedules/seed_seam.py',
    '../../_base_/default_runtime.py',
]
