# VOC 2012 in the way of CLIP-ES: seeds of whole images at their own size, rounded up to patches, one
# view. Level sets train, ours, on whole images at 448 x 448, so that the image-level label holds.
_base_ = 'voc12.py'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=_base_.crop_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.PackImageLabels'),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.ResizeToPatches'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='mmlevelset.PackImageLabels'),
]
img_ratios = (1.0,)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.ResizeToPatches'),
    dict(type='mmlevelset.MultiScaleFlip', flip=False),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(scales=img_ratios)
