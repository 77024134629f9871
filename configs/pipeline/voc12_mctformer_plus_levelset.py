# MCTformer+ on PASCAL VOC 2012 with and without the level set: Tables 1, 2, 4 and 6 of the paper.
_base_ = (
    '../_base_/pipeline/three_stages.py'  # first, or mmengine 0.10.7 takes importlib for a config
)
from importlib import import_module

work_dir = 'work_dirs/voc12_mctformer_plus'

# By name: mmengine would take `from mmlevelset ...` for a config of its lazy kind.
_recipe = import_module('mmlevelset.pipeline.recipes')
_arms = _recipe.mctformer_arms('voc12', 'mctformer_plus/deit-s', 32)
# Table 2 compares seeds.
_arms |= {
    name: dict(seed=(f'configs/seed/ablation/deit-s_plus_voc12_{name}.py', 32), threshold=0.5)
    for name in ('mse', 'energy')
}
stages, table = _recipe.three_stages(
    'voc12', _arms, dict(train=_base_.train, test=_base_.test), tables='1 2 4 6'
)
