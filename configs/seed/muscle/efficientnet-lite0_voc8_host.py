# Host of MuSCLe at Lite0 size, 6 epochs (426 iterations): the first step alone, the contrast of images from its middle
# on.
_base_ = [
    '../../_base_/hosts/muscle_efficientnet-lite0.py',
    '../../_base_/datasets/voc8_muscle.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
model = dict(decode_head=dict(imc_begin=0.5, pixpro_begin=1, emd_begin=1))
