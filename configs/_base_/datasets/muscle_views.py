# MuSCLe's images of 288x288: views of half the side, as 224 is of 448. No jitter and no erasing of the image,
# whose frozen features are memoised; the views have theirs. A variable: the data set inserts it.
muscle_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=(288, 288), keep_ratio=False),
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
