# The method by the letter of the paper (docs/en/paper_decisions.md): one feature map, an operator that sees phi
# alone, raw distances, losses as printed from the first iteration, and the CAM of the trained network as the seed.
_base_ = ['../cam/efficientnet-lite0_levelset_voc20.py', '../../_base_/level_set/paper_losses.py']
model = dict(
    auxiliary_head=dict(
        _base_.paper_losses,
        in_channels=(320,),
        in_index=(3,),
        data_index=3,
        evolution=dict(condition_channels=0, shared=False, width=1),
        loss_sdf=dict(truncate=None),
        loss_energy=dict(_delete_=True, **_base_.paper_energy),
    ),
    test_cfg=dict(seeds=dict(seed_source='cam')),
)
tta_model = dict(seed_source='cam')
test_evaluator = dict(threshold='otsu')
custom_hooks = [
    dict(type='mmlevelset.LossWarmupHook', sdf=(0.0, 0.0), energy=(0.0, 0.0)),
    dict(type='mmlevelset.LevelSetWatchHook'),
]
