# UPerNet on Swin-T with the level set.
_base_ = [
    'mmseg::_base_/models/upernet_swin.py',
    '../_base_/level_set/default.py',
    '../_base_/datasets/voc12_masks.py',
    '../_base_/schedules/supervised_20k.py',
]
level_set = dict(
    _base_.level_set,
    in_channels=(192, 384, 768),
    num_classes=20,
    cam_head=dict(type='mmlevelset.CAMHead', in_channels=768),
)
model = dict(
    data_preprocessor=dict(type='mmlevelset.LevelSetPreProcessor', size=_base_.crop_size),
    decode_head=dict(num_classes=21),
    auxiliary_head=[dict(_base_.model.auxiliary_head, num_classes=21), level_set],
)
optim_wrapper = _base_.level_set_optim
