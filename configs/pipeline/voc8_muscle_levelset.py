# The MuSCLe host at the size of EfficientNet-Lite0 on 8 VOC classes, with and without the level set:
# seeds of 3 random seeds each. CPU; `--jobs 2` uses 2 cores. Masks are read by the evaluations alone.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc8_muscle'
data_root = 'data/voc8'
classes = ['background', 'cat', 'dog', 'horse', 'sheep', 'cow', 'person', 'sofa', 'chair']
random_seeds = [0, 1, 2]
order = 'random_seed'
host = 'configs/seed/muscle/efficientnet-lite0_voc8_host.py'
# source: what becomes the seed; threshold: its label-free background score
variants = dict(
    levelset=dict(
        config='configs/seed/muscle/efficientnet-lite0_levelset_voc8.py',
        source='phi',
        threshold=0.5,
    ),
    cam=dict(
        config='configs/seed/muscle/efficientnet-lite0_voc8.py', source='cam', threshold='otsu'
    ),
)
columns = ['mIoU', 'boundary IoU', 'trimap mIoU']
