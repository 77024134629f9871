# Seeds of voc20_efficientnet-lite0_levelset.py -> IRNet, trained on every second photograph of train -> IRN's labels
# of these 424, with and without the level set, 3 random seeds: what voc20_refine.py answers about labels, in a
# quarter of the time. Masks are read by the evaluations alone.
_base_ = 'voc20_refine.py'
work_dir = 'work_dirs/voc20_irn'
every = 2
refiners = {
    '_delete_': True,
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
}
models = None  # labels alone
