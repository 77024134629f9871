_base_ = '../_base_/refine/irn.py'
refiner = dict(
    _base_.irn_walk_lpcam,
    config='configs/refine/irnet_efficientnet-lite0_voc8.py',
    checkpoint='work_dirs/irnet_efficientnet-lite0_voc8/epoch_6.pth',
    crop_size=0,  # trained on whole images
)
