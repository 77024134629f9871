# AdvCAM's seeds of the Lite0 classifier.
_base_ = '../cam/efficientnet-lite0_voc20.py'
# Every view is climbed with its mirror image, so the test-time augmentation has no flips.
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', scales=[_base_.img_scale], flip=False),
]
seeds = dict(cam_method=dict(type='mmlevelset.AdvCAM'))
model = dict(test_cfg=dict(seeds=seeds))
tta_model = dict(**seeds)
