# Shapes, drawn by the project at first use: 240 + 60 images of 160x160, 6 classes, exact masks.
# Seen at twice their size, so that a CAM of stride 32 has 10x10 cells.
dataset_type = 'mmlevelset.ShapesDataset'
data_root = 'data/shapes'
img_scale = (320, 320)
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
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=test_pipeline,
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='mmlevelset.SeedMetric', split='train', scales=(1.0,))
