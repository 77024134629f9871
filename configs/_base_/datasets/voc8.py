# 8 VOC classes with random scales and crops; seeds from three scales and flips.
_base_ = 'voc8_288.py'
crop_size = (288, 288)  # smaller images are padded to it by the data preprocessor: size=crop_size
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='RandomResize', scale=(320, 320), ratio_range=(0.8, 1.25), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.PackImageLabels'),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='mmlevelset.PackImageLabels'),
]
img_ratios = (0.75, 1.0, 1.25)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(scales=img_ratios)
