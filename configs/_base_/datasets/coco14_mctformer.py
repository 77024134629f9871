# COCO 2014 in the way of MCTformer-V2 on VOC: trains on the 82,783 images of train2014 and scores the
# seeds on them. Masks and labels are in VOC's layout: <id>.png and a JSON of the classes of an image.
_base_ = 'voc12_mctformer.py'
coco14 = dict(
    type='mmlevelset.COCO14Dataset',
    data_root='data/coco14',
    ann_file='ImageSets/train.txt',
    image_labels='image_labels.json',
)
train_dataloader = dict(dataset=dict(coco14, data_prefix=dict(img_path='train2014')))
test_dataloader = dict(
    dataset=dict(
        coco14, data_prefix=dict(img_path='train2014', seg_map_path='SegmentationClass/train2014')
    )
)
