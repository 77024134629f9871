_base_ = 'psa-walk_voc8.py'
refiner = dict(
    config='configs/refine/affinitynet_efficientnet-lite0_voc20.py',
    checkpoint='work_dirs/affinitynet_efficientnet-lite0_voc20/iter_162.pth',
)
