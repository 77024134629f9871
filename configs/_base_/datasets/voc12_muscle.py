# VOC 2012 in the way of MuSCLe: a flip, two overlapping views of 224 x 224, then the image as SEAM's
# with less jitter and an erased rectangle; batch 16. Seeds from the scales and filters of SEAM.
_base_ = 'voc12_seam.py'
jitter = dict(type='mmlevelset.ColorJitter', brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)
mean = (123.675, 116.28, 103.53)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.OverlappingViews', size=(224, 224), min_size=(448, 448), jitter=jitter),
    dict(
        type='RandomResize',
        scale=(448, 448),  # with keep_ratio: the long side
        ratio_range=(1.0, 769 / 448),  # the side is rounded down, so 768 is the largest
        keep_ratio=True,
        backend='pillow',
        interpolation='bicubic',
    ),
    jitter,
    # the mean colour, BGR: zero once normalised
    dict(type='mmlevelset.RandomPlacedCrop', crop_size=(448, 448), pad_val=mean[::-1]),
    # no noise: torchvision's RandomErasing, a rectangle of zeros once normalised
    dict(
        type='mmlevelset.RandomErasing',
        mean=mean,
        std=(0, 0, 0),
        prob=0.5,
        area=(0.02, 0.2),
        ratio=(0.3, 3.3),
    ),
    dict(type='mmlevelset.PackViews'),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
