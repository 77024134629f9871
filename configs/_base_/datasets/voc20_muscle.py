# VOC 2012 with its 20 classes at a fixed 288x288 for MuSCLe.
_base_ = 'voc8_muscle.py'
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),  # trained by iterations
    dataset=dict(
        data_root='data/voc20',
        ann_file='ImageSets/Segmentation/train_mid.txt',
        metainfo=dict(_delete_=True),
    ),
)
test_dataloader = dict(dataset=dict(data_root='data/voc20', metainfo=dict(_delete_=True)))
