# SEAM on PASCAL VOC 2012 with and without the level set: Tables 1, 4 and 6 of the paper.
_base_ = '../_base_/pipeline/three_stages.py'
work_dir = 'work_dirs/voc12_seam'
data = 'voc12'
tables = ['1', '4', '6']
variants = dict(
    baseline=dict(
        seeds='configs/seed/seam/resnet38_voc12.py',
        threshold='otsu',
        targets='configs/refine/psa-scores_seam.py',
        # The walk of the level set, with a background as label-free as its own.
        walk='configs/refine/psa-walk_levelset_voc12.py',
        walk_options=['refiner.background.score=otsu'],
    ),
    # The baseline's labels by SEAM's alpha, a constant that may have been found on masks.
    published=dict(network_of='baseline', walk='configs/refine/psa-walk_seam_voc12.py'),
    levelset=dict(
        seeds='configs/seed/seam/resnet38_levelset_voc12.py',
        threshold=0.5,
        targets='configs/refine/psa-scores_levelset.py',
        walk='configs/refine/psa-walk_levelset_voc12.py',
    ),
)
refiner = dict(method='psa', network='configs/refine/affinitynet_resnet38_seam_voc12.py')
model = 'configs/retrain/largefov_resnet38_seam_voc12.py'
