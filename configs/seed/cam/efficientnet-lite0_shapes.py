# Baseline: the host goes on alone for as long as the level-set run, gently: fixed batch
# statistics and no stochastic depth, so that the CAM seen in training is the CAM of the evaluation.
_base_ = 'efficientnet-lite0_shapes_host.py'
model = dict(backbone=dict(norm_eval=True, drop_connect_rate=0.0))
optim_wrapper = dict(optimizer=dict(lr=2e-5))
train_cfg = dict(max_epochs=14)  # 210 iterations
