# Semantic FPN on ResNet-50: heads see the pyramid of the neck, and so does the level set.
_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    '../_base_/level_set/default.py',
    '../_base_/datasets/voc12_masks.py',
    '../_base_/schedules/supervised_20k.py',
]
level_set = dict(
    _base_.level_set,
    in_channels=(256, 256, 256),
    num_classes=20,
    cam_head=dict(type='mmlevelset.CAMHead', in_channels=256),
)
model = dict(
    pretrained=None,  # or 'open-mmlab://resnet50_v1c', which is downloaded
    data_preprocessor=dict(type='mmlevelset.LevelSetPreProcessor', size=_base_.crop_size),
    decode_head=dict(num_classes=21),
    auxiliary_head=[level_set],
)
optim_wrapper = _base_.level_set_optim
