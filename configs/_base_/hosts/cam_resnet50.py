# Plain CAM on ResNet-50 after IRN (arXiv:1904.05044): stride 16 by a layer4 of stride 1 without
# dilation. IRN detaches the output of layer2, which `frozen_stages=2` equals; BN keeps its
# ImageNet statistics (`norm_eval`), its scale and shift are trained in layer3 and layer4.
_base_ = '../preprocessors.py'
num_classes = 20
data_preprocessor = dict(
    _base_.imagenet,
    size=(512, 512),
)
seeds = dict(cam_background=0.15, size_divisor=16)  # IRN's make_cam
model = dict(
    type='mmlevelset.SeedSegmentor',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        style='pytorch',
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        frozen_stages=2,
        # the ImageNet weights that IRN starts from; torchvision's current default is another set
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-19c8e357.pth',
        ),
    ),
    decode_head=dict(type='mmlevelset.CAMHead', in_channels=2048, num_classes=num_classes),
    train_cfg=dict(),
    test_cfg=dict(mode='whole', seeds=seeds),
)
tta_model = dict(type='mmlevelset.CAMTTAModel', seed_source='cam', **seeds)
