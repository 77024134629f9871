# 8 VOC classes at a fixed 288x288: two views per image (flip), so that frozen features are memoised.
_base_ = 'voc_layout.py'
img_scale = (288, 288)
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
voc8 = dict(
    data_root='data/voc8',
    metainfo=dict(
        classes=('background', 'cat', 'dog', 'horse', 'sheep', 'cow', 'person', 'sofa', 'chair')
    ),
)
train_dataloader = dict(dataset=dict(voc8, pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(voc8, pipeline=test_pipeline))
