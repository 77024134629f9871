# The plateau of MuSCLe's code: after every epoch the seeds of `train`, single scale, are scored on the
# masks of pixels, and the rate is halved where the best threshold's mIoU does not rise. So the
# masks of the training images decide on the training: no image-level supervision in the strict sense.
_base_ = 'efficientnet-b3_voc12.py'
param_scheduler = [
    dict(
        type='ReduceOnPlateauLR',
        monitor='seed/oracle_mIoU',
        rule='greater',
        factor=0.5,
        patience=0,
        min_value=1e-5,
    )
]
train_cfg = dict(val_interval=1)
val_cfg = dict(type='ValLoop')
val_dataloader = _base_.test_dataloader
val_evaluator = dict(
    type='mmlevelset.SeedMetric',
    thresholds=[t / 100 for t in range(20, 51, 2)],
    scales=(1.0,),
)
