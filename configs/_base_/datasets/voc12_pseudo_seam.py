# As voc12_pseudo.py in the way of semantic-segmentation-codebase: scale U(0.5, 1.5), a crop of 448, flip,
# +-10 in hue, saturation and value, batch 10.
_base_ = 'voc12_pseudo.py'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(
        type='mmlevelset.RandomRescale',
        ratio_range=(0.5, 1.5),
        backend='cv2',
        label_backend='cv2',
    ),
    dict(type='mmlevelset.RandomHSVShift', delta=10),
    dict(
        type='mmlevelset.RandomPlacedPairCrop',
        crop_size=(448, 448),
        pad_val=(103.53, 116.28, 123.675),  # zero once normalised
        seg_pad_val=255,
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=10, dataset=dict(pipeline=train_pipeline))
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='mmlevelset.MultiScaleFlip',
        ratios=_base_.img_ratios,
        interpolation='bicubic',
    ),
]
tta_model = dict(merge='mean_logits')
