# Table 2 of the paper on VOC's 20 classes, the method by the letter, our default, and that without one ingredient at a
# time or with a loss of the CAM: seeds, 3 random seeds. Masks are read by the evaluations alone.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc20_ablation'
data_root = 'data/voc20'
classes = []  # VOC's
random_seeds = [0, 1, 2]
order = 'random_seed'
host = 'configs/seed/cam/efficientnet-lite0_voc20_host.py'
variants = dict(
    cam=dict(config='configs/seed/cam/efficientnet-lite0_voc20.py', source='cam', threshold='otsu'),
    levelset=dict(
        config='configs/seed/cam/efficientnet-lite0_levelset_voc20.py', source='phi', threshold=0.5
    ),
    mse=dict(like='levelset', config='configs/seed/ablation/efficientnet-lite0_voc20_mse.py'),
    energy=dict(like='levelset', config='configs/seed/ablation/efficientnet-lite0_voc20_energy.py'),
    paper=dict(like='levelset', config='configs/seed/ablation/efficientnet-lite0_voc20_paper.py'),
    literal=dict(
        config='configs/seed/ablation/efficientnet-lite0_voc20_literal.py',
        source='cam',
        threshold='otsu',
    ),
    no_anchor=dict(like='levelset', options=['model.auxiliary_head.loss_anchor=None']),
    no_energy=dict(like='levelset', options=['model.auxiliary_head.loss_energy=None']),
    no_operator=dict(
        like='levelset', config='configs/seed/ablation/efficientnet-lite0_voc20_no-operator.py'
    ),
    blind_operator=dict(
        like='levelset', options=['model.auxiliary_head.evolution.condition_channels=0']
    ),
    no_sdf=dict(like='levelset', options=['model.auxiliary_head.loss_sdf.loss_weight=0.0']),
    no_warmup=dict(like='levelset', options=['custom_hooks.0.energy=[0.0,0.0]']),
    no_regions=dict(
        like='levelset', options=['model.auxiliary_head.loss_energy.feature_weight=0.0']
    ),
    no_edge=dict(like='levelset', options=['model.auxiliary_head.loss_energy.edge_weight=0.0']),
    chained=dict(like='levelset', options=['model.auxiliary_head.decoupled=False']),
    one_background=dict(like='levelset', options=['model.auxiliary_head.background=0.3']),
    plain_zero=dict(like='levelset', options=['model.auxiliary_head.zero=0.0']),
    no_guidance=dict(like='levelset', options=['model.auxiliary_head.guidance=0.0']),
    taught=dict(like='levelset', options=['model.auxiliary_head.loss_cam.type=mmlevelset.CAMLoss']),
)
own_cam = ['levelset', 'paper', 'taught']
columns = ['mIoU', 'boundary IoU', 'trimap mIoU', 'threshold']
