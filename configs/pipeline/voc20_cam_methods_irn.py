# Seeds of voc20_cam_methods.py -> IRNet, trained on every second photograph of train -> IRN's labels of these: as
# voc20_irn.py, of the maps of LPCAM and AdvCAM and of the level sets trained on them. Masks are read by the
# evaluations alone.
_base_ = 'voc20_irn.py'
work_dir = 'work_dirs/voc20_cam_methods_irn'
seeds = 'work_dirs/voc20_cam_methods'
variants = ['cam', 'lpcam', 'advcam', 'levelset_cam', 'levelset_lpcam', 'levelset_advcam']
refiners = dict(
    irn=dict(
        targets=dict(
            _delete_=True,
            cam='configs/refine/irn-labels_recam.py',
            lpcam='configs/refine/irn-labels_recam.py',
            advcam='configs/refine/irn-labels_recam.py',
            levelset_cam='configs/refine/irn-labels_levelset.py',
            levelset_lpcam='configs/refine/irn-labels_levelset.py',
            levelset_advcam='configs/refine/irn-labels_levelset.py',
        ),
        walk=dict(
            _delete_=True,
            cam='configs/refine/irn-walk_voc20.py',
            lpcam='configs/refine/irn-walk_voc20.py',
            advcam='configs/refine/irn-walk_voc20.py',
            levelset_cam='configs/refine/irn-walk_levelset_voc20.py',
            levelset_lpcam='configs/refine/irn-walk_levelset_voc20.py',
            levelset_advcam='configs/refine/irn-walk_levelset_voc20.py',
        ),
    )
)
left_out = ['crf', 'crf-labels', 'psa', 'irn-crf', 'irn-par']
models = None
