# VOC 2012 as for PSA's classifier: SEAM's augmentations on images of long side U{256 .. 512}, batch 16.
_base_ = 'voc12_seam.py'
train_pipeline = _base_.train_pipeline
train_pipeline[1].update(scale=(256, 256), ratio_range=(1.0, 513 / 256))
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
