# AdvCAM's seeds of IRN's ResNet-50; the paper reports 55.6 mIoU of multi-scale seeds on `train`.
_base_ = '../cam/resnet50_voc12.py'
# Every view is climbed with its mirror image, so the test-time augmentation has no flips.
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='mmlevelset.MultiScaleFlip',
        ratios=_base_.img_ratios,
        resize='mmlevelset.ResizeByRatio',
        flip=False,
    ),
]
seeds = dict(cam_method=dict(type='mmlevelset.AdvCAM'))
model = dict(test_cfg=dict(seeds=seeds))
tta_model = dict(**seeds)
