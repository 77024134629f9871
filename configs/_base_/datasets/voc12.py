# PASCAL VOC 2012: trains on trainaug (10,582 images) with the classes named in the XML files; seeds
# are scored on train (1,464) with VOC's own masks, as the literature does.
_base_ = 'voc_layout.py'
crop_size = (448, 448)  # smaller images are padded to it by the data preprocessor: size=crop_size
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    # the long side is 448 to 768, as in PSA and SEAM
    dict(type='RandomResize', scale=(448, 448), ratio_range=(1.0, 768 / 448), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.PackImageLabels'),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='mmlevelset.PackImageLabels'),
]
img_ratios = (0.5, 1.0, 1.5, 2.0)  # PSA, SEAM, IRN
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios),
]
voc12 = dict(data_root='data/VOCdevkit/VOC2012', image_labels='Annotations')
workers = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    batch_size=8,
    drop_last=True,
    dataset=dict(voc12, ann_file='ImageSets/Segmentation/trainaug.txt', pipeline=train_pipeline),
    **workers,
)
test_dataloader = dict(batch_size=1, dataset=dict(voc12, pipeline=test_pipeline), **workers)
test_evaluator = dict(scales=img_ratios)
