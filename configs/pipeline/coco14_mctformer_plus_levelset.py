# MCTformer+ on COCO 2014 with and without the level set: Tables 5 and 7 of the paper.
_base_ = (
    '../_base_/pipeline/three_stages.py'  # first, or mmengine 0.10.7 takes importlib for a config
)
from importlib import import_module

work_dir = 'work_dirs/coco14_mctformer_plus'

# By name: mmengine would take `from mmlevelset ...` for a config of its lazy kind.
_recipe = import_module('mmlevelset.pipeline.recipes')
_arms = _recipe.mctformer_arms('coco14', 'mctformer_plus/deit-s', 32)
stages, table = _recipe.three_stages(
    'coco14', _arms, dict(train=_base_.train, test=_base_.test), tables='5 7'
)
