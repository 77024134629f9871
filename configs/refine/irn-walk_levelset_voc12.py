# MuSCLe's walk from what the zero level sets enclose; its contours move and enclose as much as before.
_base_ = '../_base_/refine/irn.py'
refiner = dict(
    _base_.irn_walk_muscle,
    background=dict(score=0.5),
    from_labels=True,
    config='configs/refine/irnet_resnet50_voc12.py',
    checkpoint='work_dirs/irnet_resnet50_voc12/epoch_3.pth',
)
threshold = 'area'
