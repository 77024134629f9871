# VOC 2012 in the way of IRN: long side U[320, 640], flip, a crop of 512 that smaller images lie in at
# random, batch 16; Pillow's bicubic filter everywhere.
_base_ = 'voc12.py'
crop_size = (512, 512)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='RandomResize',
        scale=(320, 320),  # with keep_ratio: the long side
        ratio_range=(1.0, 641 / 320),  # the side is rounded down, so 640 is the largest
        keep_ratio=True,
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5),
    # the mean colour, BGR: zero once normalised
    dict(
        type='mmlevelset.RandomPlacedCrop', crop_size=crop_size, pad_val=(103.53, 116.28, 123.675)
    ),
    dict(type='mmlevelset.PackImageLabels'),
]
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='mmlevelset.MultiScaleFlip',
        ratios=_base_.img_ratios,
        resize='mmlevelset.ResizeByRatio',
    ),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
