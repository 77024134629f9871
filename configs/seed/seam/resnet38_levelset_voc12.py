# SEAM with the level set. f_LSI reads conv4, conv5 and conv6; F of the energy is conv5, the last map
# but one as for IRN's ResNet-50: the 4096 channels of conv6 would cost four times as much.
_base_ = ['resnet38_voc12.py', '../../_base_/level_set/default.py']
model = dict(
    auxiliary_head=dict(
        _base_.level_set,
        in_channels=(512, 1024, 4096),
        in_index=(0, 1, 2),
        data_index=1,
        num_classes=20,
        smooth=8.0,
    )
)
optim_wrapper = _base_.level_set_optim
tta_model = dict(seed_source='phi')
test_evaluator = dict(threshold=0.5)  # the zero level set
