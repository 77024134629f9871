default_scope = 'mmseg'
image_dir = 'data/voc8/JPEGImages'
