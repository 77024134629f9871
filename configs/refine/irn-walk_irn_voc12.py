_base_ = '../_base_/refine/irn.py'
refiner = dict(
    _base_.irn_walk,
    config='configs/refine/irnet_resnet50_voc12.py',
    checkpoint='work_dirs/irnet_resnet50_voc12/epoch_3.pth',
)
threshold = None  # no rule for the walked maps but the constant; 'otsu' and 'area' need no mask
