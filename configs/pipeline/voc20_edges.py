# VOC's 20 classes: what learnt edges, a loss of the CAM, both, and both with contours closer to 0 bring to the default;
# 3 random seeds. The edges are those of an IRNet, made once (docs/en/level_set_head.md, "Edges"). Masks are read by
# the evaluations alone.
_base_ = 'voc20_ablation.py'
work_dir = 'work_dirs/voc20_edges'
variants = dict(
    _delete_=True,
    cam=dict(config='configs/seed/cam/efficientnet-lite0_voc20.py', source='cam', threshold='otsu'),
    levelset=dict(
        config='configs/seed/cam/efficientnet-lite0_levelset_voc20.py', source='phi', threshold=0.5
    ),
    taught=dict(like='levelset', options=['model.auxiliary_head.loss_cam.type=mmlevelset.CAMLoss']),
    edges=dict(like='levelset', options=['train_dataloader.dataset.edge_dir=work_dirs/edges']),
    both=dict(
        like='levelset',
        options=[
            'model.auxiliary_head.loss_cam.type=mmlevelset.CAMLoss',
            'train_dataloader.dataset.edge_dir=work_dirs/edges',
        ],
    ),
    # the same networks, with contours less far out
    closer=dict(like='levelset', network='both', options=['model.auxiliary_head.zero_share=0.25']),
)
own_cam = ['levelset', 'taught', 'edges', 'both']
