# MuSCLe's walk from level sets: the background is the zero level set.
_base_ = '../_base_/refine/irn.py'
refiner = dict(
    _base_.irn_walk_muscle,
    background=dict(score=0.5),
    config='configs/refine/irnet_resnet50_voc12.py',
    checkpoint='work_dirs/irnet_resnet50_voc12/epoch_3.pth',
)
