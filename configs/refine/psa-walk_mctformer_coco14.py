# MCTformer publishes no values for COCO: these are those of VOC.
_base_ = '../_base_/refine/psa.py'
refiner = dict(
    _base_.psa_walk_mctformer,
    config='configs/refine/affinitynet_resnet38_mctformer_coco14.py',
    checkpoint='work_dirs/affinitynet_resnet38_mctformer_coco14/epoch_5.pth',
)
