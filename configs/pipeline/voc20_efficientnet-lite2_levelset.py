# EfficientNet-Lite2 on VOC's 20 classes, with and without the level set: seeds of train and val, 3 random seeds.
# Masks are read by the evaluations alone.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc20_lite2'
data_root = 'data/voc20'
classes = []  # VOC's
random_seeds = [0, 1, 2]
order = 'random_seed'
host = 'configs/seed/cam/efficientnet-lite2_voc20_host.py'
variants = dict(
    cam=dict(config='configs/seed/cam/efficientnet-lite2_voc20.py', source='cam', threshold='otsu'),
    levelset=dict(
        config='configs/seed/cam/efficientnet-lite2_levelset_voc20.py',
        source='phi',
        threshold=0.5,
    ),
)
own_cam = ['levelset']  # does training through phi^0 improve the CAM itself?
columns = ['mIoU', 'boundary IoU', 'trimap mIoU', 'threshold']
