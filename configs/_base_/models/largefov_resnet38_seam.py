# DeepLab-LargeFOV on ResNet38 as SEAM is re-trained: semantic-segmentation-codebase, experiment
# seamv1-pseudovoc.
num_classes = 21
crop_size = (448, 448)
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=crop_size,
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.ResNet38',
        frozen_stages=1,  # conv1a and all batch norms
        # ImageNet weights of ademxapp, converted from MXNet: see configs/seed/seam/README.md
        init_cfg=dict(type='Pretrained', checkpoint='weights/resnet38_ilsvrc.pth'),
    ),
    decode_head=dict(type='mmlevelset.LargeFOVHead', variant='seam', num_classes=num_classes),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
