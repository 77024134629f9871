# COCO 2014 as tools/dataset_converters/coco14.py lays it out: trains on the 82,783 images of train2014
# (train_labelled.txt: the 82,081 that show a class) with the classes named in the annotations. Which
# object is on top in the masks, and what becomes of crowds, is in their meta.json.
_base_ = 'voc12.py'
dataset_type = 'mmlevelset.COCO14Dataset'
data_root = 'data/coco14'
coco14 = dict(
    type=dataset_type,
    data_root=data_root,
    ann_file='ImageSets/train.txt',
    image_labels='image_labels.json',
)
train_dataloader = dict(dataset=dict(coco14, data_prefix=dict(img_path='train2014')))
test_dataloader = dict(
    dataset=dict(
        coco14, data_prefix=dict(img_path='train2014', seg_map_path='SegmentationClass/train2014')
    )
)
