# DeepLab-LargeFOV on ResNet38 as MCTformer re-trains it: seg/network/resnet38_seg.py, 124.04 M parameters.
num_classes = 21
crop_size = (321, 321)
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    # What lies outside of a small image is trained as background, not left out (seg/voc12/data.py).
    seg_pad_val=0,
    size=crop_size,
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.ResNet38',
        frozen_stages=1,  # conv1a and all batch norms
        # PSA's classifier of VOC's 20 image-level classes, not ImageNet: its names are ours already
        init_cfg=dict(type='Pretrained', checkpoint='weights/res38_cls.pth'),
    ),
    decode_head=dict(type='mmlevelset.LargeFOVHead', variant='mctformer', num_classes=num_classes),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
