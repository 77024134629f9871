# Seeds of voc20_edges.py -> IRNet, trained on every second photograph of train -> IRN's labels of all 847 ->
# SegFormer's head, without and with the energy of its own logits, tested on val: as voc20_irn.py, with learnt edges, a
# loss of the CAM, both, and contours closer to 0. Masks are read by the evaluations alone.
_base_ = 'voc20_irn.py'
work_dir = 'work_dirs/voc20_edges_irn'
seeds = 'work_dirs/voc20_edges'
variants = ['cam', 'levelset', 'taught', 'edges', 'both', 'closer']
refiners = dict(
    irn=dict(
        targets=dict(
            taught='configs/refine/irn-labels_levelset.py',
            edges='configs/refine/irn-labels_levelset.py',
            both='configs/refine/irn-labels_levelset.py',
            closer='configs/refine/irn-labels_levelset.py',
        ),
        walk=dict(
            taught='configs/refine/irn-walk_levelset_voc20.py',
            edges='configs/refine/irn-walk_levelset_voc20.py',
            both='configs/refine/irn-walk_levelset_voc20.py',
            closer='configs/refine/irn-walk_levelset_voc20.py',
        ),
    )
)
models = dict(
    configs=dict(
        energy='configs/retrain/segformer-head_efficientnet-lite0_energy_voc20_host.py',
    )
)
