# VOC 2012 in the way of IRN: long side U[320, 640], flip, 512 crop, batch 16, bicubic everywhere.
_base_ = 'voc12.py'
crop_size = (512, 512)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='RandomChoiceResize',
        scales=[(side, side) for side in range(320, 641)],  # with keep_ratio: the long side
        keep_ratio=True,
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackSegInputs', meta_keys=_base_.meta_keys),
]
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=ratio, keep_ratio=True, interpolation='bicubic')
                for ratio in _base_.img_ratios
            ],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmlevelset.CheckedLoadAnnotations')],
            [dict(type='PackSegInputs', meta_keys=_base_.meta_keys)],
        ],
    ),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
