# EfficientNet-Lite2 on VOC's 20 classes, with and without the level set: seeds of train and val, 3 random seeds.
# Masks are read by the evaluations alone.
_base_ = 'voc20_efficientnet-lite0_levelset.py'
work_dir = 'work_dirs/voc20_lite2'
random_seeds = [0, 1, 2]
host = 'configs/seed/cam/efficientnet-lite2_voc20_host.py'
variants = dict(
    cam=dict(config='configs/seed/cam/efficientnet-lite2_voc20.py', exported=None),
    levelset=dict(config='configs/seed/cam/efficientnet-lite2_levelset_voc20.py', exported=None),
)
