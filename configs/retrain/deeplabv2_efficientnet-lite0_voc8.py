# DeepLab-V2's head on maps of stride 16; from ImageNet, the first five stages frozen.
_base_ = 'segformer-head_efficientnet-lite0_voc8.py'
model = dict(
    backbone=dict(output_stride=16, out_indices=(6,)),
    decode_head=dict(
        _delete_=True,
        type='mmlevelset.DeepLabV2Head',
        num_classes=9,
        in_channels=320,
        dilations=(3, 6, 9, 12),  # half of those for maps of stride 8
    ),
)
# Not the tenfold rate of a fresh head: one step of Adam moves all 11,520 inputs of a class at once.
optim_wrapper = dict(
    optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0)))
)
