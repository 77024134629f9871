# Seeds on a folder in VOC's layout: seeds are made for, and scored on, the images that they will
# supervise. Training reads images and image-level labels only; masks are read by the evaluation alone.
images = dict(
    type='mmlevelset.VOCImageLabelDataset',
    ann_file='ImageSets/Segmentation/train.txt',
    image_labels='image_labels.json',
)
train_dataloader = dict(
    batch_size=16,
    num_workers=0,  # the images are small: on a few cores, workers only compete with the training
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(images),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(images, data_prefix=dict(seg_map_path='SegmentationClass')),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='mmlevelset.SeedMetric', scales=(1.0,))
