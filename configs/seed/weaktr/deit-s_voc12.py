# WeakTr; the repository reports 69.4 mIoU of its CAM labels on `train`.
_base_ = [
    '../../_base_/hosts/weaktr.py',
    '../../_base_/datasets/voc12_weaktr.py',
    '../../_base_/schedules/seed_weaktr.py',
    '../../_base_/default_runtime.py',
]
