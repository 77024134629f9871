# IRN's ResNet-50 CAM with the level set; F of the energy is the output of layer3.
_base_ = ['resnet50_voc12.py', '../../_base_/level_set/default.py']
model = dict(auxiliary_head=dict(_base_.level_set, in_channels=(512, 1024, 2048), num_classes=20))
optim_wrapper = _base_.level_set_optim
tta_model = dict(seed_source='phi')
test_evaluator = dict(threshold=0.5)  # the zero level set
