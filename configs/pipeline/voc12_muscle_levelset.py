# MuSCLe on PASCAL VOC 2012 with and without the level set: Tables 1 and 4 of the paper. Its
# own segmentation network (EfficientNet-B7, BiFPN) is not built here: DeepLab-V2 stands in, in a folder
# of its own, so that Table 6 does not show it as MuSCLe's.
_base_ = '../_base_/pipeline/three_stages.py'
work_dir = 'work_dirs/voc12_muscle'
data = 'voc12'
tables = ['1', '4']
variants = dict(
    baseline=dict(
        seeds='configs/seed/muscle/efficientnet-b3_voc12.py',
        threshold='otsu',
        targets='configs/refine/irn-labels_irn.py',  # MuSCLe's are not published
        walk='configs/refine/irn-walk_muscle_voc12.py',
        # As label-free as the level set's: labels at Otsu's threshold of the seeds walk, and Otsu cuts what comes back.
        walk_options=[
            'refiner.background.score=otsu',
            'refiner.from_labels=True',
            'threshold=otsu',
        ],
    ),
    # The baseline's labels as published: scores walk, and a constant cuts them that may have been found on masks.
    published=dict(network_of='baseline', walk='configs/refine/irn-walk_muscle_voc12.py'),
    levelset=dict(
        seeds='configs/seed/muscle/efficientnet-b3_levelset_voc12.py',
        threshold=0.5,
        targets='configs/refine/irn-labels_levelset.py',
        walk='configs/refine/irn-walk_levelset_voc12.py',
    ),
)
refiner = dict(method='irn', network='configs/refine/irnet_resnet50_voc12.py')
model = 'configs/retrain/deeplabv2_r101_voc12.py'
model_dir = 'deeplabv2'
