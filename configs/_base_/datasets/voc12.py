# PASCAL VOC 2012: trains on trainaug (10,582 images) with the classes named in the XML files; seeds
# are scored on train (1,464) with VOC's own masks, as the literature does.
dataset_type = 'mmlevelset.VOCImageLabelDataset'
data_root = 'data/VOCdevkit/VOC2012'
crop_size = (448, 448)  # smaller images are padded to it by the data preprocessor: size=crop_size
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
    # the long side is 448 to 768, as in PSA and SEAM
    dict(type='RandomResize', scale=(448, 448), ratio_range=(1.0, 768 / 448), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
img_ratios = (0.5, 1.0, 1.5, 2.0)  # PSA, SEAM, IRN
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=ratio, keep_ratio=True) for ratio in img_ratios],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmlevelset.CheckedLoadAnnotations')],
            [dict(type='PackSegInputs', meta_keys=meta_keys)],
        ],
    ),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='ImageSets/Segmentation/trainaug.txt',
        image_labels='Annotations',
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
        data_root=data_root,
        ann_file='ImageSets/Segmentation/train.txt',
        image_labels='Annotations',
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=test_pipeline,
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='mmlevelset.SeedMetric', split='train', scales=img_ratios)
