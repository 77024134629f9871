# Seeds of voc8_efficientnet-lite0_levelset.py -> each refiner -> pseudo-labels of every fourth training
# image, with and without the level set, 3 random seeds; then IRN's labels of all training images, and DeepLab-V2 on
# them. CPU; `--jobs 2` uses 2 cores. Masks are read by the evaluations alone.
recipe = 'refiners'
work_dir = 'work_dirs/voc8_refine'
seeds = 'work_dirs/voc8'
data_root = 'data/voc8'
classes = ['background', 'cat', 'dog', 'horse', 'sheep', 'cow', 'person', 'sofa', 'chair']
every = 4
random_seeds = [0, 1, 2]
# their label-free thresholds were measured with the seeds: Otsu's, the zero level set
variants = ['cam', 'levelset']
refiners = {
    'crf': 'configs/refine/crf.py',
    'crf-labels': 'configs/refine/crf-labels.py',
    'par': 'configs/refine/par.py',
    'chan-vese': 'configs/refine/chan-vese.py',
    'drlse': 'configs/refine/drlse.py',
    'levelset': dict(config='configs/refine/levelset_voc8.py', variant='levelset'),
    'psa': dict(
        targets='configs/refine/psa-scores_mctformer.py',
        network='configs/refine/affinitynet_efficientnet-lite0_voc8.py',
        walk='configs/refine/psa-walk_voc8.py',
    ),
    'irn': dict(
        targets='configs/refine/irn-labels_recam.py',
        network='configs/refine/irnet_efficientnet-lite0_voc8.py',
        walk='configs/refine/irn-walk_voc8.py',
    ),
}
models = dict(
    refiner='irn', configs=dict(model='configs/retrain/deeplabv2_efficientnet-lite0_voc8.py')
)
columns = ['mIoU', 'boundary IoU', 'trimap mIoU']
