# DeepLab-V2 ResNet-101 on pseudo-labels of COCO 2014: LPCAM's and ReCAM's settings (LPCAM#3), 100,000
# updates from 2 batches of 10, lr 2e-4, ImageNet's weights.
_base_ = ['deeplabv2_r101_voc12.py', '../_base_/datasets/coco14_images.py']
model = dict(
    backbone=dict(init_cfg=dict(checkpoint='weights/deeplab_resnet101_imagenet.pth')),
    decode_head=dict(num_classes=81),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
train_dataloader = dict(batch_size=10, dataset=_base_.coco14_pseudo)
test_dataloader = dict(dataset=_base_.coco14_val)
test_cfg = dict(type='mmlevelset.CRFTestLoop')
tta_model = dict(crf_tolerance=0.03)  # 81 labels, few of them in an image: docs/en/refine.md
train_cfg = dict(max_iters=200000)  # batches
