default_scope = 'mmseg'
image_dir = 'data/VOCdevkit/VOC2012/JPEGImages'
