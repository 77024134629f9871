# The operator that the level-set host learnt, from any seed.
refiner = dict(
    type='mmlevelset.LevelSetRefiner',
    config='configs/seed/cam/efficientnet-lite0_levelset_voc8.py',
    checkpoint='work_dirs/voc8/levelset_s0/epoch_4.pth',
    background=dict(score=0.4),
    size=(288, 288),  # of the training
)
