# PSA's ResNet38 classifier; the repository reports 47.7 mIoU (CVPR paper: 48.0) of seeds on `train`.
_base_ = [
    '../../_base_/hosts/cam_resnet38.py',
    '../../_base_/datasets/voc12_psa.py',
    '../../_base_/schedules/seed_psa.py',
    '../../_base_/default_runtime.py',
]
