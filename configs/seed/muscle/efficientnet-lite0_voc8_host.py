# Host of MuSCLe at Lite0 size, 6 epochs: the first step alone, the contrast of images from its middle on.
_base_ = [
    '../../_base_/hosts/muscle_efficientnet-lite0.py',
    '../../_base_/datasets/voc8_muscle.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
# of 16 epochs: contrast from 4, second step from 8, EMD from 12; of these 6: from 3
model = dict(decode_head=dict(imc_epoch=3, pixpro_epoch=6, emd_epoch=9))
