# Table 2, row 3: MCTformer+ and L_Energy as printed, without the SDF.
_base_ = '../mctformer_plus/deit-s_levelset_voc12_paper.py'
model = dict(auxiliary_head=dict(loss_sdf=dict(loss_weight=0.0)))
custom_hooks = [
    dict(type='mmlevelset.LossWarmupHook', energy=(0.0, 0.0)),
    dict(type='mmlevelset.LevelSetWatchHook'),
]
