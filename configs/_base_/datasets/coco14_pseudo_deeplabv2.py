# COCO 2014 as voc12_pseudo_deeplabv2.py: trains on pseudo-labels of train2014, tests on val2014. The masks of
# val depend on a convention for overlaps and crowds, which their meta.json states.
_base_ = 'voc12_pseudo_deeplabv2.py'
dataset_type = 'mmlevelset.COCO14Dataset'
coco14 = 'data/coco14'
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file=f'{coco14}/ImageSets/train.txt',
        data_prefix=dict(img_path=f'{coco14}/train2014'),
    )
)
test_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=coco14,
        ann_file='ImageSets/val.txt',
        data_prefix=dict(img_path='val2014', seg_map_path='SegmentationClass/val2014'),
    )
)
