# IRNet on COCO 2014; the recipe is that of VOC, as in RIB.
_base_ = 'irnet_resnet50_voc12.py'
train_dataloader = dict(
    dataset=dict(
        type='mmlevelset.COCO14Dataset',
        ann_file='data/coco14/ImageSets/train.txt',
        data_prefix=dict(img_path='data/coco14/train2014'),
    )
)
