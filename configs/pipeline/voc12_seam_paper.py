# SEAM and the level set with the losses as printed. The other rows are those of voc12_seam_levelset.py.
_base_ = 'voc12_seam_levelset.py'
work_dir = 'work_dirs/voc12_seam_paper'
tables = ['1']
variants = dict(
    _delete_=True,
    levelset=dict(
        seeds='configs/seed/seam/resnet38_levelset_voc12_paper.py',
        threshold=0.5,
        targets='configs/refine/psa-scores_levelset.py',
        walk='configs/refine/psa-walk_levelset_voc12.py',
    ),
)
