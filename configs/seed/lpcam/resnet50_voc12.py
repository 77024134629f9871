# LPCAM's seeds of IRN's ResNet-50, by the setting of the authors' code.
_base_ = '../cam/resnet50_voc12.py'
# Every view is seen with its mirror image, so the test-time augmentation has no flips.
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(
        type='mmlevelset.MultiScaleFlip',
        ratios=_base_.img_ratios,
        resize='mmlevelset.ResizeByRatio',
        flip=False,
    ),
]
seeds = dict(
    cam_method=dict(type='mmlevelset.LPCAM', prototypes='work_dirs/lpcam_prototypes.npz'),
    eps=1e-12,  # the official code adds nothing; this keeps an empty map from 0 / 0
)
model = dict(test_cfg=dict(seeds=seeds))
tta_model = dict(**seeds)
