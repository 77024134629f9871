# PASCAL VOC 2012 with its 20 classes at a long side of 320 px (docs/en/datasets.md#voc20), seen at 288x288:
# trained on 1,800 photographs and their image-level labels, scored on those 847 that have a mask of VOC.
_base_ = 'voc8_288.py'
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),  # trained by iterations
    dataset=dict(
        data_root='data/voc20',
        ann_file='ImageSets/Segmentation/train_mid.txt',
        metainfo=dict(_delete_=True),
    ),
)
test_dataloader = dict(dataset=dict(data_root='data/voc20', metainfo=dict(_delete_=True)))
