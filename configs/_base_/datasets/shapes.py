# Shapes, drawn by the project at first use: 240 + 60 images of 160x160, 6 classes, exact masks.
# Seen at twice their size, so that a CAM of stride 32 has 10x10 cells.
_base_ = 'voc_layout.py'
img_scale = (320, 320)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=img_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.PackImageLabels'),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=img_scale, keep_ratio=False),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='mmlevelset.PackImageLabels'),
]
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', scales=[img_scale]),
]
shapes = dict(type='mmlevelset.ShapesDataset', data_root='data/shapes')
train_dataloader = dict(dataset=dict(shapes, pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(shapes, pipeline=test_pipeline))
