# f_LSE alone, as a solver: everything else keeps the weights of a level-set run (`load_from`), and
# the operator learns to minimise the energy from that phi^0. It sees all five channels of the
# condition, moves in three steps, keeps half of the frequencies of the 36x36 map, and has next to
# no anchor. Measured by tools/analysis_tools/energy_drop.py.
_base_ = '../cam/efficientnet-lite0_levelset_voc8.py'
model = dict(
    auxiliary_head=dict(
        evolution=dict(condition_channels=5, steps=3, depth=3, width=16, modes=16),
        loss_anchor=dict(loss_weight=0.005),
    )
)
_still = dict(lr_mult=0.0)
optim_wrapper = dict(
    constructor='DefaultOptimWrapperConstructor',  # one optimiser, so that the rates below reach the head
    paramwise_cfg=dict(
        custom_keys={
            'auxiliary_head': dict(lr_mult=200.0),  # 4e-3, as in the preset
            'backbone': _still,
            'decode_head': _still,
            'auxiliary_head.initialiser': _still,
            'auxiliary_head.conv_seg': _still,
        }
    ),
)
custom_hooks = [
    dict(type='mmlevelset.LossWarmupHook', sdf=(0.0, 0.0), energy=(0.0, 0.0)),
    dict(type='mmlevelset.LevelSetWatchHook'),
]
train_cfg = dict(max_epochs=8)
