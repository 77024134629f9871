# As voc12_pseudo.py in the way of deeplab-pytorch: one of five scales, a crop of 321, flip, batch 5. Its
# test makes the maximum over the scales of the model inside of it, so --tta adds the flip alone.
_base_ = 'voc12_pseudo.py'
ratios = (0.5, 0.75, 1.0, 1.25, 1.5)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(
        type='RandomChoice',
        transforms=[
            [
                dict(
                    type='mmlevelset.RandomRescale',
                    ratio_range=(r, r),
                    interpolation='bilinear',
                    backend='cv2',
                )
            ]
            for r in ratios
        ],
    ),
    dict(type='RandomCrop', crop_size=(321, 321)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=5, dataset=dict(pipeline=train_pipeline))
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip'),
]
