# COCO 2014 as tools/dataset_converters/coco14.py lays it out, as variables for a leaf that turns a recipe
# of VOC into one of COCO. Which object is on top in the masks, and what becomes of crowds, is in their
# meta.json.
coco14_train = (
    dict(  # seeds: the 82,783 images of train2014 (train_labelled.txt: those that show a class)
        type='mmlevelset.COCO14Dataset',
        data_root='data/coco14',
        ann_file='ImageSets/train.txt',
        image_labels='image_labels.json',
        data_prefix=dict(img_path='train2014'),
    )
)
coco14_seeds = dict(  # seeds are scored on the images that they will supervise
    coco14_train,
    data_prefix=dict(img_path='train2014', seg_map_path='SegmentationClass/train2014'),
)
coco14_pseudo = dict(  # retraining takes pseudo-labels of train2014,
    type='mmlevelset.COCO14Dataset',
    ann_file='data/coco14/ImageSets/train.txt',
    data_prefix=dict(img_path='data/coco14/train2014'),
)
coco14_val = dict(  # and is tested on val2014
    type='mmlevelset.COCO14Dataset',
    data_root='data/coco14',
    ann_file='ImageSets/val.txt',
    data_prefix=dict(img_path='val2014', seg_map_path='SegmentationClass/val2014'),
)
