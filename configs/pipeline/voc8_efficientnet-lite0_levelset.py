# Image-level labels -> seeds -> pseudo-labels -> segmentation model on 8 VOC classes, with and without
# the level set: Table 2 of the paper and our default, 3 random seeds each. CPU; `--jobs 2` uses 2 cores.
# Masks are read by the evaluations alone: thresholds of pseudo-labels are label-free.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc8'
data_root = 'data/voc8'
classes = ['background', 'cat', 'dog', 'horse', 'sheep', 'cow', 'person', 'sofa', 'chair']
random_seeds = [0, 1, 2]
host = 'configs/seed/cam/efficientnet-lite0_voc8_host.py'
# source: what becomes the seed; threshold: its label-free background score
variants = dict(
    levelset=dict(
        config='configs/seed/cam/efficientnet-lite0_levelset_voc8.py',
        source='phi',
        threshold=0.5,
    ),
    cam=dict(
        config='configs/seed/cam/efficientnet-lite0_voc8.py',
        source='cam',
        threshold='otsu',
    ),
    paper=dict(
        config='configs/seed/ablation/efficientnet-lite0_voc8_paper.py',
        source='phi',
        threshold=0.5,
    ),
    mse=dict(
        config='configs/seed/ablation/efficientnet-lite0_voc8_mse.py', source='phi', threshold=0.5
    ),
    energy=dict(
        config='configs/seed/ablation/efficientnet-lite0_voc8_energy.py',
        source='phi',
        threshold=0.5,
    ),
)
own_cam = ['levelset']  # does training through phi^0 improve the CAM itself?
retrained = ['cam', 'levelset', 'paper']  # these go on to pseudo-labels and the model
model = 'configs/retrain/segformer-head_efficientnet-lite0_voc8.py'
columns = ['mIoU', 'boundary IoU', 'trimap mIoU', 'threshold']
