# VOC 2012, retraining: trains on pseudo-labels of trainaug (10,582 images), tests on val (1,449) with VOC's
# own masks. Padding, crops and flips as in mmsegmentation.
#   tools/train.py … --cfg-options train_dataloader.dataset.data_prefix.seg_map_path=FOLDER
dataset_type = 'mmlevelset.VOCImageLabelDataset'
voc12 = 'data/VOCdevkit/VOC2012'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='RandomResize', scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='PackSegInputs'),
]
img_ratios = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios),
]
tta_model = dict(type='mmlevelset.SegTTAModel', merge='mean_prob')
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root='',
        ann_file=f'{voc12}/ImageSets/Segmentation/trainaug.txt',
        data_prefix=dict(img_path=f'{voc12}/JPEGImages', seg_map_path='work_dirs/pseudo'),
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=voc12,
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=test_pipeline,
    ),
)
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmlevelset.BoundaryMetric'),
    dict(type='mmlevelset.BoundaryFMetric'),
]
