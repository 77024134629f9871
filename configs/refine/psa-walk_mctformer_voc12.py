_base_ = '../_base_/refine/psa.py'
refiner = dict(
    _base_.psa_walk_mctformer,
    config='configs/refine/affinitynet_resnet38_mctformer_voc12.py',
    checkpoint='work_dirs/affinitynet_resnet38_mctformer_voc12/epoch_5.pth',
)
