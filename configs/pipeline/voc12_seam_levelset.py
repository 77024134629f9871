# SEAM on PASCAL VOC 2012 with and without the level set: Tables 1, 4 and 6 of the paper.
_base_ = (
    '../_base_/pipeline/three_stages.py'  # first, or mmengine 0.10.7 takes importlib for a config
)
from importlib import import_module

work_dir = 'work_dirs/voc12_seam'

_affinity = ('configs/refine/affinitynet_resnet38_seam_voc12.py', 8)
_model = ('configs/retrain/largefov_resnet38_seam_voc12.py', 10)
_arms = dict(
    baseline=dict(
        seed=('configs/seed/seam/resnet38_voc12.py', 8),
        threshold='otsu',
        refine=dict(
            method='psa',
            targets='configs/refine/psa-scores_seam_voc12.py',
            train=_affinity,
            walk='configs/refine/psa-walk_seam_voc12.py',
        ),
        model=_model,
    ),
    levelset=dict(
        seed=('configs/seed/seam/resnet38_levelset_voc12.py', 8),
        threshold=0.5,
        refine=dict(
            method='psa',
            targets='configs/refine/psa-scores_levelset_voc12.py',
            train=_affinity,
            walk='configs/refine/psa-walk_levelset_voc12.py',
        ),
        model=_model,
    ),
)
# By name: mmengine would take `from mmlevelset ...` for a config of its lazy kind.
stages, table = import_module('mmlevelset.pipeline.recipes').three_stages(
    'voc12', _arms, dict(train=_base_.train, test=_base_.test), tables='1 4 6'
)
