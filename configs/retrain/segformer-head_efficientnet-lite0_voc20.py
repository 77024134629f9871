# SegFormer's head on the pseudo-labels of 1,800 photographs of VOC 2012, its 20 classes.
_base_ = 'segformer-head_efficientnet-lite0_voc8.py'
model = dict(decode_head=dict(num_classes=21))
train_dataloader = dict(
    dataset=dict(
        ann_file='data/voc20/ImageSets/Segmentation/train_mid.txt',
        data_prefix=dict(img_path='data/voc20/JPEGImages'),
        metainfo=dict(_delete_=True),
    )
)
test_dataloader = dict(dataset=dict(data_root='data/voc20', metainfo=dict(_delete_=True)))
