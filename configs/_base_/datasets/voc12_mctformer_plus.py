# VOC 2012 in the way of MCTformer+: RandomResizedCrop to 448, flip, RandAugment (which switches the
# colour jitter of 0.4 in the official arguments off), RandomErasing, batch 32.
_base_ = 'voc12.py'
crop_size = (448, 448)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.RandomResizedCrop', size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.RandAugment', fill=(124, 116, 104), magnitude=9, magnitude_std=0.5),
    dict(
        type='mmlevelset.RandomErasing',
        prob=0.25,
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
    ),
    dict(type='mmlevelset.PackImageLabels'),
]
img_ratios = (1.0, 0.75, 1.25)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios, resize='mmlevelset.ResizeByRatio'),
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
test_evaluator = dict(scales=img_ratios)
