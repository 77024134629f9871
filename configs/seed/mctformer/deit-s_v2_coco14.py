# MCTformer-V2 on COCO 2014.
_base_ = ['deit-s_v2_voc12.py', '../../_base_/datasets/coco14_images.py']
model = dict(
    backbone=dict(
        num_classes=80, init_cfg=dict(checkpoint='weights/deit_small_mctformer_v2_coco14.pth')
    ),
    decode_head=dict(num_classes=80),
)
train_dataloader = dict(dataset=_base_.coco14_train)
test_dataloader = dict(dataset=_base_.coco14_seeds)
