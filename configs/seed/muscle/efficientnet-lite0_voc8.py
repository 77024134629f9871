# MuSCLe at Lite0 size, baseline: the host goes on for 2 epochs with both steps, as long as the
# level-set runs, gently: its last stage alone, fixed batch statistics, no stochastic depth, so that the CAM seen in
# training is the CAM of the evaluation. The earth mover's distance begins with the last epoch.
_base_ = 'efficientnet-lite0_voc8_host.py'
model = dict(
    backbone=dict(frozen_stages=6, norm_eval=True, drop_connect_rate=0.0),
    decode_head=dict(imc_begin=0, pixpro_begin=0, emd_begin=0.5),
)
optim_wrapper = dict(optimizer=dict(lr=2e-5))
train_dataloader = dict(batch_size=8)
train_cfg = dict(max_epochs=2)  # 282 iterations
