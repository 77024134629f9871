# IRN's ResNet-50 CAM; the repository reports 48.3 mIoU of multi-scale seeds on `train` at 0.15.
_base_ = [
    '../../_base_/hosts/cam_resnet50.py',
    '../../_base_/datasets/voc12_irn.py',
    '../../_base_/schedules/seed_irn.py',
    '../../_base_/default_runtime.py',
]
