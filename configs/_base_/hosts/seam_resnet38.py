# SEAM (arXiv:2004.04581) on ResNet38: batch norms, conv1a and b2 are frozen, two views per image.
_base_ = '../preprocessors.py'
num_classes = 20
data_preprocessor = dict(
    _base_.imagenet,
    size=(448, 448),  # of the training crops
)
model = dict(
    type='mmlevelset.SEAM',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.ResNet38',
        # ImageNet weights of ademxapp, converted from MXNet: see configs/seed/seam/README.md
        init_cfg=dict(type='Pretrained', checkpoint='weights/resnet38_ilsvrc.pth'),
    ),
    decode_head=dict(type='mmlevelset.SEAMHead', num_classes=num_classes),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
tta_model = dict(
    type='mmlevelset.CAMTTAModel',
    seed_source='cam',
    background=0.26,  # out_cam_pred_alpha of SEAM's infer_SEAM.py
    normalise='minmax',
    eps=1e-5,
)
