# 8 VOC classes at a fixed 288x288: two views per image (flip), so that frozen features are memoised.
# Training reads images and image-level labels only; masks are read by the evaluation alone.
dataset_type = 'mmlevelset.VOCImageLabelDataset'
data_root = 'data/voc8'
metainfo = dict(
    classes=('background', 'cat', 'dog', 'horse', 'sheep', 'cow', 'person', 'sofa', 'chair')
)
img_scale = (288, 288)
meta_keys = (
    'img_path',
    'img_id',
    'img_label',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'reduce_zero_label',
)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=img_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=img_scale, keep_ratio=False),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=img_scale, keep_ratio=False)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmlevelset.CheckedLoadAnnotations')],
            [dict(type='PackSegInputs', meta_keys=meta_keys)],
        ],
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=0,  # the images are small: on a few cores, workers only compete with the training
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='ImageSets/Segmentation/train.txt',
        image_labels='image_labels.json',
        metainfo=metainfo,
        pipeline=train_pipeline,
    ),
)
# Seeds are made for, and scored on, the images that they will supervise.
test_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='ImageSets/Segmentation/train.txt',
        image_labels='image_labels.json',
        metainfo=metainfo,
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=test_pipeline,
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='mmlevelset.SeedMetric', split='train', scales=(1.0,))
