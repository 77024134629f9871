_base_ = '../_base_/refine/psa.py'
refiner = dict(
    _base_.psa_walk_mctformer,
    config='configs/refine/affinitynet_efficientnet-lite0_voc8.py',
    checkpoint='work_dirs/affinitynet_efficientnet-lite0_voc8/epoch_6.pth',
)
