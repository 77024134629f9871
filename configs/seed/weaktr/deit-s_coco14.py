# WeakTr on COCO 2014: a third of VOC's rate, and a third scale.
_base_ = ['deit-s_voc12.py', '../../_base_/datasets/coco14_images.py']
seeds = dict(cam_background=0.42)  # of the official docs/Training.md
model = dict(
    backbone=dict(
        num_classes=80, init_cfg=dict(checkpoint='weights/deit_small_mctformer_v2_coco14.pth')
    ),
    decode_head=dict(num_classes=80),
    test_cfg=dict(seeds=seeds),
)
tta_model = dict(**seeds)
optim_wrapper = dict(optimizer=dict(lr=2.5e-5))  # 2e-4 * 64 / 512
img_ratios = (1.0, 0.8, 1.2)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios, resize='mmlevelset.ResizeByRatio'),
]
train_dataloader = dict(dataset=_base_.coco14_train)
test_dataloader = dict(dataset=_base_.coco14_seeds)
test_evaluator = dict(scales=img_ratios)
