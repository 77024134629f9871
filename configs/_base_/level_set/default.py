# Our default: the image gives edges, the features give regions (docs/en/paper_decisions.md).
# A variable, not `model`: the leaf inserts it as `auxiliary_head`.
level_set = dict(
    type='mmlevelset.LevelSetHead',
    in_channels=(24, 40, 112, 320),
    in_index=(0, 1, 2, 3),
    data_index=2,
    channels=32,
    background=0.3,
    truncate=20.0,
    evolution=dict(type='mmlevelset.FNOEvolution', condition_channels=3, shared=True, width=8),
    loss_sdf=dict(type='mmlevelset.SDFLoss', truncate=20.0, loss_weight=1.0),
    loss_anchor=dict(type='mmlevelset.SDFLoss', truncate=20.0, loss_weight=0.5),
    loss_energy=dict(type='mmlevelset.LevelSetEnergyLoss', feature_weight=0.6, edge_weight=0.3),
    decoupled=True,
)
custom_hooks = [dict(type='mmlevelset.LossWarmupHook', sdf=(0.0, 0.0), energy=(0.4, 0.4))]
