# Host of MuSCLe at Lite0 size, 300 iterations of the first step alone from the backbone of the plain CAM's host, the
# contrast of images from their middle on.
_base_ = [
    '../../_base_/hosts/muscle_efficientnet-lite0.py',
    '../../_base_/datasets/voc20_muscle.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=20, imc_begin=0.5, pixpro_begin=1, emd_begin=1))
train_dataloader = dict(batch_size=8)
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=300)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=300))
log_processor = dict(by_epoch=False)
