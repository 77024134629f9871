# MuSCLe at Lite0 size, baseline: the host goes on with both steps for as long as the level-set run, gently,
# its last stage alone. The earth mover's distance begins in the middle.
_base_ = 'efficientnet-lite0_voc20_host.py'
model = dict(
    backbone=dict(frozen_stages=6, norm_eval=True, drop_connect_rate=0.0),
    decode_head=dict(imc_begin=0, pixpro_begin=0, emd_begin=0.5),
)
optim_wrapper = dict(optimizer=dict(lr=2e-5))
train_cfg = dict(max_iters=400)
default_hooks = dict(checkpoint=dict(interval=400))
