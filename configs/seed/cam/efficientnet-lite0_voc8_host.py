# The host alone, 6 epochs (426 iterations); baseline and level-set runs start from its checkpoint.
_base_ = [
    '../../_base_/hosts/cam_efficientnet-lite0.py',
    '../../_base_/datasets/voc8_288.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
