# VOC 2012, fully supervised: trains on the masks of trainaug, tests on val. The image-level labels
# of the level set are the classes of the mask.
_base_ = 'voc12_pseudo.py'
crop_size = (512, 512)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='RandomResize', scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmlevelset.PackImageLabels'),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    drop_last=False,
    dataset=dict(
        data_root=_base_.voc12,
        ann_file='ImageSets/Segmentation/trainaug.txt',
        image_labels='masks',
        data_prefix=dict(_delete_=True, seg_map_path='SegmentationClassAug'),
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = dict(
    _base_.test_dataloader, dataset=dict(_base_.test_dataloader.dataset, pipeline=test_pipeline)
)
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU'])]
val_evaluator = test_evaluator
