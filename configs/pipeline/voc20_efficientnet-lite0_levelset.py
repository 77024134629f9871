# Image-level labels -> seeds on VOC's 20 classes, with and without the level set: 1,800 photographs of train and val,
# 5 random seeds. voc20_refine.py goes on from here. Masks are read by the evaluations alone.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc20'
data_root = 'data/voc20'
classes = []  # VOC's
random_seeds = [0, 1, 2, 3, 4]
order = 'random_seed'
host = 'configs/seed/cam/efficientnet-lite0_voc20_host.py'
variants = dict(
    cam=dict(
        config='configs/seed/cam/efficientnet-lite0_voc20.py',
        source='cam',
        threshold='otsu',
        exported='train_mid.txt',  # images to be supervised; train.txt, those with a mask, is scored
    ),
    levelset=dict(
        config='configs/seed/cam/efficientnet-lite0_levelset_voc20.py',
        source='phi',
        threshold=0.5,
        exported='train_mid.txt',
    ),
)
own_cam = ['levelset']  # does training through phi^0 improve the CAM itself?
columns = ['mIoU', 'boundary IoU', 'trimap mIoU', 'threshold']
