# AffinityNet of MCTformer on COCO 2014; the recipe is that of VOC, since none is published.
_base_ = 'affinitynet_resnet38_mctformer_voc12.py'
train_dataloader = dict(
    dataset=dict(
        type='mmlevelset.COCO14Dataset',
        data_root='data/coco14',
        ann_file='ImageSets/train.txt',
        image_labels='image_labels.json',
        data_prefix=dict(img_path='train2014'),
    )
)
