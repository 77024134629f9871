# MCTformer's walk from level sets: the background is the zero level set, not a threshold found on masks.
_base_ = '../_base_/refine/psa.py'
refiner = dict(
    _base_.psa_walk_mctformer,
    background=dict(score=0.5),
    config='configs/refine/affinitynet_resnet38_mctformer_coco14.py',
    checkpoint='work_dirs/affinitynet_resnet38_mctformer_coco14/epoch_5.pth',
)
