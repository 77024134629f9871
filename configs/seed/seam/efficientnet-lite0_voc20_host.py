# Host of SEAM at Lite0 size, 600 iterations; baseline and level-set runs start from its checkpoint.
_base_ = [
    '../../_base_/hosts/seam_efficientnet-lite0.py',
    '../../_base_/datasets/voc20.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=8)
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=600)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=600))
log_processor = dict(by_epoch=False)
