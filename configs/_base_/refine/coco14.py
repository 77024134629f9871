default_scope = 'mmseg'
image_dir = 'data/coco14/train2014'
