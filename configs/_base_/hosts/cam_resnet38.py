# PSA's classifier (arXiv:1803.10464): ResNet38, channel dropout, a classifier on the pooled features.
# Like SEAM's: batch norms, conv1a and b2 are frozen. CAM of 4096 channels at stride 8.
_base_ = '../preprocessors.py'
num_classes = 20
data_preprocessor = dict(
    _base_.imagenet,
    size=(448, 448),  # of the training crops
)
seeds = dict(cam_background=0.2)  # of PSA's infer_cls.py
model = dict(
    type='mmlevelset.SeedSegmentor',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.ResNet38',
        # ImageNet weights of ademxapp, converted from MXNet: see configs/seed/seam/README.md
        init_cfg=dict(type='Pretrained', checkpoint='weights/resnet38_ilsvrc.pth'),
    ),
    decode_head=dict(
        type='mmlevelset.CAMHead',
        in_channels=4096,
        num_classes=num_classes,
        dropout_ratio=0.5,
        init_cfg=dict(type='Xavier', distribution='uniform', override=dict(name='conv_seg')),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole', seeds=seeds),
)
tta_model = dict(type='mmlevelset.CAMTTAModel', seed_source='cam', **seeds)
