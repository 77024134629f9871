# SEAM at Lite0 size, baseline: the host goes on alone for as long as the level-set run, gently, as
# the plain CAM does.
_base_ = 'efficientnet-lite0_voc20_host.py'
optim_wrapper = dict(
    optimizer=dict(lr=2e-5), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0)))
)
train_cfg = dict(max_iters=400)
default_hooks = dict(checkpoint=dict(interval=400))
