# Our default: the image gives edges, the features give regions (docs/en/paper_decisions.md).
# A variable, not `model`: the leaf inserts it as `auxiliary_head`.
level_set = dict(
    type='mmlevelset.LevelSetHead',
    in_channels=(40, 112, 320),
    in_index=(1, 2, 3),  # strides 8, 16 and 32: docs/en/results.md
    data_index=2,
    channels=32,
    background='auto',
    zero='auto',
    guidance='auto',
    truncate=80.0,
    evolution=dict(type='mmlevelset.FNOEvolution', condition_channels=3, shared=True, width=8),
    loss_sdf=dict(type='mmlevelset.SDFLoss', loss_weight=1.0),
    loss_anchor=dict(type='mmlevelset.SDFLoss', loss_weight=0.5),
    loss_energy=dict(type='mmlevelset.LevelSetEnergyLoss', feature_weight=0.6, edge_weight=0.3),
    decoupled=True,
)
# The head's own rate and clipping beside any host's; the leaf inserts it as `optim_wrapper`.
level_set_optim = dict(
    constructor='mmlevelset.LevelSetOptimWrapperConstructor',
    paramwise_cfg=dict(
        level_set=dict(type='AdamW', lr=4e-3, weight_decay=0.01), level_set_max_norm=1.0
    ),
)
custom_hooks = [
    dict(type='mmlevelset.LossWarmupHook', sdf=(0.0, 0.0), energy=(0.4, 0.4)),
    dict(type='mmlevelset.LevelSetWatchHook'),
]
