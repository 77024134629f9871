# 8 VOC classes at a fixed 288x288 for MuSCLe: views of half the side, as 224 is of 448. No jitter and
# no erasing of the image, whose frozen features are memoised; the views have theirs.
_base_ = 'voc8_288.py'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=_base_.img_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='mmlevelset.OverlappingViews',
        size=(144, 144),
        min_size=(288, 288),
        jitter=dict(
            type='mmlevelset.ColorJitter', brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1
        ),
    ),
    dict(type='mmlevelset.PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
