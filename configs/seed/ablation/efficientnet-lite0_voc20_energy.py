# Table 2, row 3: CAM + L_Energy as printed, without the SDF.
_base_ = 'efficientnet-lite0_voc20_paper.py'
model = dict(auxiliary_head=dict(loss_sdf=dict(loss_weight=0.0)))
custom_hooks = [
    dict(type='mmlevelset.LossWarmupHook', energy=(0.0, 0.0)),
    dict(type='mmlevelset.LevelSetWatchHook'),
]
