# Host of SEAM at Lite0 size, 300 iterations from the backbone of the plain CAM's host; baseline and level-set runs
# start from its checkpoint. Batch norms are fixed, as in SEAM: the statistics of both views would mix.
_base_ = [
    '../../_base_/hosts/seam_efficientnet-lite0.py',
    '../../_base_/datasets/voc20.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
model = dict(backbone=dict(norm_eval=True, drop_connect_rate=0.0))
train_dataloader = dict(batch_size=8)
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=300)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=300))
log_processor = dict(by_epoch=False)
