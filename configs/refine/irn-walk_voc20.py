# From the labels of the seeds; Otsu's threshold of what comes back.
_base_ = 'irn-walk_voc8.py'
refiner = dict(
    config='configs/refine/irnet_efficientnet-lite0_voc20.py',
    checkpoint='work_dirs/irnet_efficientnet-lite0_voc20/iter_162.pth',
    from_labels=True,
)
threshold = 'otsu'
