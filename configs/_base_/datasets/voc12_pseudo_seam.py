# As voc12_pseudo.py in the way of semantic-segmentation-codebase: scale U(0.5, 1.5), a crop of 448, flip,
# +-10 in hue, saturation and value, batch 10.
_base_ = 'voc12_pseudo.py'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='mmlevelset.RandomRescale', ratio_range=(0.5, 1.5)),
    dict(type='mmlevelset.RandomHSVShift', delta=10),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=10, dataset=dict(pipeline=train_pipeline))
tta_model = dict(merge='mean_logits')
