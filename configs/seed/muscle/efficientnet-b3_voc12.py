# The recipe of MuSCLe's code, but for the label-free plateau; its authors report 58.4 mIoU of multi-scale
# seeds on `train`.
_base_ = [
    '../../_base_/hosts/muscle_efficientnet-b3.py',
    '../../_base_/datasets/voc12_muscle.py',
    '../../_base_/schedules/seed_muscle.py',
    '../../_base_/default_runtime.py',
]
