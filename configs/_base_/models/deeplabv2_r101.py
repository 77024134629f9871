# DeepLab-V2 on ResNet-101 of Caffe's kind: deeplab-pytorch, the usual model of WSSS papers.
num_classes = 21
crop_size = (321, 321)
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[104.008, 116.669, 122.675],  # BGR, grey levels; not divided by anything
    std=[1.0, 1.0, 1.0],
    bgr_to_rgb=False,
    pad_val=0,
    seg_pad_val=255,
    size=crop_size,
)
model = dict(
    type='mmlevelset.MultiScaleSegmentor',
    scales=(0.5, 0.75),
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.DeepLabResNet',
        depth=101,
        # Pre-trained on the *segmentation* of COCO, deeplab-pytorch's default, converted by
        # tools/model_converters/deeplabv2_r101.py. ImageNet's weights in its place cost up to 3 mIoU
        # on VOC (CLIP-ES: 73.8 and 71.1), so say which one a number was made with.
        init_cfg=dict(type='Pretrained', checkpoint='weights/deeplab_resnet101_coco.pth'),
    ),
    decode_head=dict(type='mmlevelset.DeepLabV2Head', num_classes=num_classes),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
