# MuSCLe with the level set, on p3 to p7; F of the energy is p5, as the default's.
_base_ = ['efficientnet-b3_voc12.py', '../../_base_/level_set/default.py']
model = dict(
    auxiliary_head=dict(
        _base_.level_set,
        in_channels=(48, 136, 384),
        in_index=(2, 3, 4),
        data_index=3,
        num_classes=20,
        smooth=8.0,
    )
)
optim_wrapper = _base_.level_set_optim
tta_model = dict(seed_source='phi')
test_evaluator = dict(threshold=0.5)  # the zero level set
