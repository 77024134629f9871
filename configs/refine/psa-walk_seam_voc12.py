_base_ = '../_base_/refine/psa.py'
refiner = dict(
    _base_.psa_walk_seam,
    config='configs/refine/affinitynet_resnet38_seam_voc12.py',
    checkpoint='work_dirs/affinitynet_resnet38_seam_voc12/epoch_8.pth',
)
