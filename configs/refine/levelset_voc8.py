# The operator that the level-set host learnt, from any seed. Of another host by refiner.config and
# refiner.checkpoint: the network sees images at the size of its config's test pipeline.
refiner = dict(
    type='mmlevelset.LevelSetRefiner',
    config='configs/seed/cam/efficientnet-lite0_levelset_voc8.py',
    checkpoint='work_dirs/voc8/levelset_s0/epoch_4.pth',
    background=dict(score=0.4),
)
