# VOC 2012 for IRNet: size x U[0.5, 1.5], flip, a crop of 512 on the mean colour, batch 32 (irn's
# train_irn.py). The masks are IRN's labels made of seeds.
_base_ = 'voc12.py'
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='mmlevelset.RandomRescale', ratio_range=(0.5, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='mmlevelset.RandomPlacedPairCrop',
        crop_size=(512, 512),
        pad_val=(103.53, 116.28, 123.675),  # BGR: zero once normalised
        seg_pad_val=255,
    ),
    dict(type='mmlevelset.StrideLabel', stride=4),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data_root='',
        ann_file='data/VOCdevkit/VOC2012/ImageSets/Segmentation/trainaug.txt',
        image_labels=None,
        data_prefix=dict(
            img_path='data/VOCdevkit/VOC2012/JPEGImages',
            seg_map_path='work_dirs/refine/irn_labels/labels',
        ),
        pipeline=train_pipeline,
    ),
)
