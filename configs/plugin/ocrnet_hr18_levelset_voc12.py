# OCRNet on HRNet-W18: a cascade of two decode heads, and the level set beside it.
_base_ = [
    'mmseg::_base_/models/ocrnet_hr18.py',
    '../_base_/level_set/default.py',
    '../_base_/datasets/voc12_masks.py',
    '../_base_/schedules/supervised_20k.py',
]
level_set = dict(
    _base_.level_set,
    in_channels=(36, 72, 144),
    num_classes=20,
    cam_head=dict(type='mmlevelset.CAMHead', in_channels=144),
)
model = dict(
    pretrained=None,  # or 'open-mmlab://msra/hrnetv2_w18', which is downloaded
    data_preprocessor=dict(type='mmlevelset.LevelSetPreProcessor', size=_base_.crop_size),
    decode_head=[dict(head, num_classes=21) for head in _base_.model.decode_head],
    auxiliary_head=[level_set],
)
optim_wrapper = _base_.level_set_optim
