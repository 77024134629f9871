# LPCAM's seeds of the Lite0 classifier.
_base_ = '../cam/efficientnet-lite0_voc20.py'
# Every view is seen with its mirror image, so the test-time augmentation has no flips.
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', scales=[_base_.img_scale], flip=False),
]
seeds = dict(
    cam_method=dict(type='mmlevelset.LPCAM', prototypes='work_dirs/lpcam_prototypes.npz'),
    eps=1e-12,  # the official code adds nothing; this keeps an empty map from 0 / 0
)
model = dict(test_cfg=dict(seeds=seeds))
tta_model = dict(**seeds)
