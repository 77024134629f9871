# VOC 2012 in the way of SEAM: long side U{448 .. 768}, flip, colour jitter, a crop of 448 that smaller
# images lie in at random, batch 8; Pillow's bicubic filter everywhere.
_base_ = 'voc12.py'
crop_size = (448, 448)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='RandomResize',
        scale=(448, 448),  # with keep_ratio: the long side
        ratio_range=(1.0, 769 / 448),  # rounded down to whole pixels
        keep_ratio=True,
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1),
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
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
