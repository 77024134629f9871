_base_ = '../_base_/refine/irn.py'
refiner = dict(
    _base_.irn_walk_rib_coco,
    config='configs/refine/irnet_resnet50_coco14.py',
    checkpoint='work_dirs/irnet_resnet50_coco14/epoch_3.pth',
)
