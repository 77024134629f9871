# VOC 2012 in the way of MCTformer-V1 and -V2: RandomResizedCrop to 224, flip, RandAugment (which switches the
# colour jitter of 0.4 in the official arguments off), RandomErasing, batch 64.
_base_ = 'voc12.py'
crop_size = (224, 224)
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
img_ratios = (1.0,)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios, resize='mmlevelset.ResizeByRatio'),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
test_evaluator = dict(scales=img_ratios)
