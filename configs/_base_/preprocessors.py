# How pretrained backbones want their images. Variables, not `model`: a leaf completes one by its `size` or
# `size_divisor`.
imagenet = dict(
    type='mmlevelset.LevelSetPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
)
# (x - 127) / 128, the scaling of the TensorFlow Lite models that EfficientNet-Lite was converted from
lite = dict(
    type='mmlevelset.LevelSetPreProcessor',
    mean=[127.0, 127.0, 127.0],
    std=[128.0, 128.0, 128.0],
    bgr_to_rgb=True,
)
