# VOC 2012 for AffinityNet: colour jitter, a crop of 448 on black, flip, batch 8 (PSA's train_aff.py).
_base_ = 'voc12.py'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.LoadAffinityScores', folder='work_dirs/refine/psa_scores'),
    dict(type='mmlevelset.ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1),
    dict(
        type='mmlevelset.RandomPlacedPairCrop',
        crop_size=(448, 448),
        pad_val=(0, 0, 0),
        seg_pad_val=0,
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.PoolAffinityLabel', stride=8),
    dict(type='mmlevelset.PackImageLabels'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
