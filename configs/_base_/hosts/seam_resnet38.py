# SEAM (arXiv:2004.04581) on ResNet38: batch norms, conv1a and b2 are frozen, two views per image.
_base_ = 'cam_resnet38.py'
num_classes = 20
seeds = dict(
    cam_background=0.26,  # out_cam_pred_alpha of SEAM's infer_SEAM.py
    normalise='minmax',
    eps=1e-5,
)
model = dict(
    type='mmlevelset.SEAM',
    decode_head=dict(_delete_=True, type='mmlevelset.SEAMHead', num_classes=num_classes),
    test_cfg=dict(seeds=seeds),
)
tta_model = seeds
