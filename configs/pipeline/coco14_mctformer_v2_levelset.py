# MCTformer-V2 on COCO 2014 with and without the level set: baseline of Tables 5 and 7 of the paper.
_base_ = (
    '../_base_/pipeline/three_stages.py'  # first, or mmengine 0.10.7 takes importlib for a config
)
from importlib import import_module

work_dir = 'work_dirs/coco14_mctformer_v2'

# By name: mmengine would take `from mmlevelset ...` for a config of its lazy kind.
_recipe = import_module('mmlevelset.pipeline.recipes')
_arms = _recipe.mctformer_arms('coco14', 'mctformer/deit-s_v2', 64)
stages, table = _recipe.three_stages(
    'coco14', _arms, dict(train=_base_.train, test=_base_.test), tables='5 7'
)
