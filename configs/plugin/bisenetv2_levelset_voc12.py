# BiSeNetV2: map 0 is the fusion of its two branches (stride 8), 2-4 are the semantic branch from there on.
_base_ = [
    'mmseg::_base_/models/bisenetv2.py',
    '../_base_/level_set/default.py',
    '../_base_/datasets/voc12_masks.py',
    '../_base_/schedules/supervised_20k.py',
]
level_set = dict(
    _base_.level_set,
    in_channels=(128, 32, 64, 128),
    in_index=(0, 2, 3, 4),
    data_index=0,
    num_classes=20,
    cam_head=dict(type='mmlevelset.CAMHead', in_channels=128),
)
model = dict(
    data_preprocessor=dict(type='mmlevelset.LevelSetPreProcessor', size=_base_.crop_size),
    decode_head=dict(num_classes=21),
    auxiliary_head=[
        *(dict(head, num_classes=21) for head in _base_.model.auxiliary_head),
        level_set,
    ],
)
optim_wrapper = _base_.level_set_optim
