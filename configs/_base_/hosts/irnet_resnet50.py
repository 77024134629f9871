# IRN's resnet50_irn: IRNet on a frozen ResNet-50 of stride 16 with ImageNet weights.
_base_ = '../preprocessors.py'
data_preprocessor = dict(
    _base_.imagenet,
    size=(512, 512),  # of the training crops
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.StemResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        style='pytorch',
        norm_eval=True,
        frozen_stages=4,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-19c8e357.pth',
        ),
    ),
    decode_head=dict(
        type='mmlevelset.IRNet',
        in_channels=(64, 256, 512, 1024, 2048),
        in_index=(0, 1, 2, 3, 4),
        strides=(4, 4, 8, 16, 16),
        displacement=True,  # not needed for semantic labels: False trains the edges alone
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
