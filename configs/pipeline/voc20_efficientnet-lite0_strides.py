# Does the recipe transfer? Seeds of the plain CAM and of the level set on maps of stride 4, 8 and 16 of the
# same backbone, VOC's 20 classes, 1,800 photographs, 3 random seeds. One preset, label-free thresholds; masks
# are read by the evaluations alone.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc20_1800'
data_root = 'data/voc20'
classes = []  # VOC's
random_seeds = [0, 1, 2]
order = 'random_seed'
host = 'configs/seed/cam/efficientnet-lite0_voc20_host.py'
variants = dict(
    cam=dict(config='configs/seed/cam/efficientnet-lite0_voc20.py', source='cam', threshold='otsu'),
    stride4=dict(
        config='configs/seed/ablation/efficientnet-lite0_voc20_s4.py', source='phi', threshold=0.5
    ),
    stride8=dict(
        config='configs/seed/cam/efficientnet-lite0_levelset_voc20.py', source='phi', threshold=0.5
    ),
    stride16=dict(
        config='configs/seed/ablation/efficientnet-lite0_voc20_s16.py', source='phi', threshold=0.5
    ),
)
columns = ['mIoU', 'boundary IoU', 'trimap mIoU', 'threshold']
