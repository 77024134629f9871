# PSA's resnet38_aff: AffinityNet on ResNet38; batch norms, conv1a and b2 are frozen.
_base_ = '../preprocessors.py'
data_preprocessor = dict(
    _base_.imagenet,
    size=(448, 448),  # of the training crops
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.ResNet38',
        # ImageNet weights of ademxapp, converted from MXNet: see configs/seed/seam/README.md
        init_cfg=dict(type='Pretrained', checkpoint='weights/resnet38_ilsvrc.pth'),
    ),
    decode_head=dict(
        type='mmlevelset.AffinityNet', in_channels=(512, 1024, 4096), in_index=(0, 1, 2)
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
