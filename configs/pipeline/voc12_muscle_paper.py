# MuSCLe and the level set with the losses as printed. The other rows are those of voc12_muscle_levelset.py.
_base_ = 'voc12_muscle_levelset.py'
work_dir = 'work_dirs/voc12_muscle_paper'
tables = ['1']
variants = dict(
    _delete_=True,
    levelset=dict(
        seeds='configs/seed/muscle/efficientnet-b3_levelset_voc12_paper.py',
        threshold=0.5,
        targets='configs/refine/irn-labels_levelset.py',
        walk='configs/refine/irn-walk_levelset_voc12.py',
    ),
)
