# MCTformer+ with the level set, its losses and its training as in the paper.
_base_ = [
    'deit-s_voc12_paper-recipe.py',
    '../../_base_/level_set/default.py',
    '../../_base_/level_set/paper_losses.py',
]
model = dict(
    auxiliary_head=dict(
        _base_.level_set,
        in_channels=(384,),
        in_index=(0,),
        data_index=0,
        num_classes=20,
        **_base_.paper_losses,
    )
)
optim_wrapper = _base_.level_set_optim
tta_model = dict(seed_source='phi')
test_evaluator = dict(threshold=0.5)  # the zero level set
