# Seeds of voc20_efficientnet-lite0_levelset.py -> AffinityNet and IRNet, trained on the 847 photographs of
# train -> IRN's labels of all 1,800 -> two segmentation models, tested on val; with and without the level set, 3
# random seeds. Masks are read by the evaluations alone.
recipe = 'refiners'
work_dir = 'work_dirs/voc20_refine'
seeds = 'work_dirs/voc20'
data_root = 'data/voc20'
classes = []  # VOC's
every = 1
random_seeds = [0, 1, 2]
# their label-free thresholds were measured with the seeds: Otsu's, the zero level set
variants = ['cam', 'levelset']
refiners = {
    'crf': 'configs/refine/crf.py',
    'crf-labels': 'configs/refine/crf-labels.py',
    'psa': dict(
        targets='configs/refine/psa-scores_mctformer.py',
        network='configs/refine/affinitynet_efficientnet-lite0_voc20.py',
        walk='configs/refine/psa-walk_voc20.py',
    ),
    'irn': dict(
        targets=dict(
            cam='configs/refine/irn-labels_recam.py',
            levelset='configs/refine/irn-labels_levelset.py',
        ),
        network='configs/refine/irnet_efficientnet-lite0_voc20.py',
        walk=dict(
            cam='configs/refine/irn-walk_voc20.py',
            levelset='configs/refine/irn-walk_levelset_voc20.py',
        ),
    ),
    'irn-crf': dict(config='configs/refine/crf-labels.py', after='irn'),
    'irn-par': dict(config='configs/refine/par.py', after='irn'),
}
models = dict(
    refiner='irn',
    configs=dict(
        deeplabv2='configs/retrain/deeplabv2_efficientnet-lite0_voc20.py',
        segformer='configs/retrain/segformer-head_efficientnet-lite0_voc20.py',
    ),
)
columns = ['mIoU', 'boundary IoU', 'trimap mIoU']
