# Retraining on the generated shapes; as segformer-head_efficientnet-lite0_voc8.py.
_base_ = 'segformer-head_efficientnet-lite0_voc8.py'
dataset_type = 'mmlevelset.ShapesDataset'
crop_size = (160, 160)  # native; the seeds were made at twice the size
model = dict(data_preprocessor=dict(size=crop_size), decode_head=dict(num_classes=7))
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', scales=[(128, 128), (160, 160), (192, 192)]),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root='',
        ann_file='data/shapes/ImageSets/Segmentation/train.txt',
        data_prefix=dict(img_path='data/shapes/JPEGImages', seg_map_path='work_dirs/pseudo'),
        pipeline=train_pipeline,
    )
)
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root='data/shapes',
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=test_pipeline,
    )
)
train_cfg = dict(max_epochs=10)
