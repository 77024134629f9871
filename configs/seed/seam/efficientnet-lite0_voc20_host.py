# Host of SEAM at Lite0 size, 300 iterations from the backbone of the plain CAM's host, which goes on gently while the
# new layers learn as fast as elsewhere; baseline and level-set runs start from its checkpoint. Batch norms are fixed,
# as in SEAM: the statistics of both views would mix. No channel is dropped: half of 320 are too few, unlike of SEAM's
# 4,096.
_base_ = [
    '../../_base_/hosts/seam_efficientnet-lite0.py',
    '../../_base_/datasets/voc20.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(norm_eval=True, drop_connect_rate=0.0), decode_head=dict(dropout_ratio=0.0)
)
optim_wrapper = dict(
    optimizer=dict(lr=5e-5), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=100.0)))
)
train_dataloader = dict(batch_size=8)
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=300)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=300))
log_processor = dict(by_epoch=False)
