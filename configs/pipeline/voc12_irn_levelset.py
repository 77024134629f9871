# IRN on PASCAL VOC 2012 with and without the level set: the row IRN of Table 4 of the paper. The plain CAM of
# ResNet-50, IRNet, and DeepLab-V2. Both arms walk from their labels by IRN's betas, and no threshold is a constant.
_base_ = '../_base_/pipeline/three_stages.py'
work_dir = 'work_dirs/voc12_irn'
data = 'voc12'
tables = ['4']
variants = dict(
    baseline=dict(
        seeds='configs/seed/cam/resnet50_voc12.py',
        threshold='otsu',
        targets='configs/refine/irn-labels_irn.py',
        walk='configs/refine/irn-walk_irn_voc12.py',
        # As label-free as the level set's: labels at Otsu's threshold of the seeds walk, and Otsu cuts what comes back.
        walk_options=[
            'refiner.background.score=otsu',
            'refiner.from_labels=True',
            'threshold=otsu',
        ],
    ),
    # The baseline's labels as published: scores walk, and a constant cuts them that may have been found on masks.
    published=dict(network_of='baseline', walk='configs/refine/irn-walk_irn_voc12.py'),
    levelset=dict(
        seeds='configs/seed/cam/resnet50_levelset_voc12.py',
        threshold=0.5,
        targets='configs/refine/irn-labels_levelset.py',
        walk='configs/refine/irn-walk_irn_voc12.py',
        # The walk moves the contours, which enclose as much as before: measured on voc20.
        walk_options=['refiner.background.score=0.5', 'refiner.from_labels=True', 'threshold=area'],
    ),
)
refiner = dict(method='irn', network='configs/refine/irnet_resnet50_voc12.py')
model = 'configs/retrain/deeplabv2_r101_voc12.py'
