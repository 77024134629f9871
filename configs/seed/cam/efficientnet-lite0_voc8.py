# Stage 1b, baseline: the host goes on alone for as long as the level-set runs.
_base_ = 'efficientnet-lite0_voc8_host.py'
optim_wrapper = dict(optimizer=dict(lr=2e-4))
train_cfg = dict(max_epochs=4)
