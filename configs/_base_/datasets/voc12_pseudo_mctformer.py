# As voc12_pseudo.py in the way of MCTformer's seg/: scale U(0.7, 1.3), a crop of 321, flip, batch 4. The
# official code draws one scale per batch; here every image has its own.
_base_ = 'voc12_pseudo.py'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(
        type='mmlevelset.RandomRescale',
        ratio_range=(0.7, 1.3),
        interpolation='bilinear',
        backend='cv2',
        label_backend='cv2',
    ),
    dict(type='RandomCrop', crop_size=(321, 321)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
# seg/infer_seg.py: five scales, no flip. It resizes the normalised image with align_corners=True.
img_ratios = (0.5, 0.75, 1.0, 1.25, 1.5)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios, flip=False),
]
