# MuSCLe (Yuan et al., Pattern Recognition 137, 2023; SCoulY/MuSCLe, commit 79c9e4d) on EfficientNet-B3
# of stride 16: the stride of backbone stage 6 is removed without dilation, and every padding is the one for an
# even size.
_base_ = '../preprocessors.py'
num_classes = 20
# MuSCLe starts from AdvProp weights, which were trained on x / 127.5 - 1, and feeds them this
data_preprocessor = dict(
    _base_.imagenet,
    size=(448, 448),
)
seeds = dict(normalise='minmax', eps=1e-6)
model = dict(
    type='mmlevelset.MuSCLe',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.EfficientNet',
        arch='b3',
        padding='fixed',
        output_stride=16,
        dilated=False,
        out_indices=(0, 1, 2, 4, 6),  # p1, p2, p3, p5 and p7 of strides 2, 4, 8, 16, 16
        # converted from adv-efficientnet-b3-cdd7c0f4.pth: see configs/seed/muscle/README.md
        init_cfg=dict(type='Pretrained', checkpoint='weights/efficientnet-b3_advprop.pth'),
    ),
    decode_head=dict(
        type='mmlevelset.MuSCLeHead',
        num_classes=num_classes,
        in_channels=(24, 48, 136, 384),  # p1, p3 and p5 for the affinity, p7 for the CAM
        in_index=(0, 2, 3, 4),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole', seeds=seeds),
)
# Two steps per iteration; the second leaves the classifier and the level set out.
model_wrapper_cfg = dict(
    type='mmlevelset.MuSCLeDistributedDataParallel',
    broadcast_buffers=False,
    find_unused_parameters=True,
)
tta_model = dict(type='mmlevelset.CAMTTAModel', seed_source='cam', **seeds)
