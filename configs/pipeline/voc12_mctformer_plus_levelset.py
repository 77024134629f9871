# MCTformer+ on PASCAL VOC 2012 with and without the level set: Tables 1, 2, 4 and 6 of the paper.
from importlib import import_module

_base_ = '../_base_/pipeline/three_stages.py'
work_dir = 'work_dirs/voc12_mctformer_plus'

_affinity = 'configs/refine/affinitynet_resnet38_mctformer_voc12.py'
_refine = dict(
    method='psa',
    targets='configs/refine/psa-scores_mctformer_voc12.py',
    train=(_affinity, 8),
    walk='configs/refine/psa-walk_mctformer_voc12.py',
    # the classifier of PSA
    options={_affinity: 'model.backbone.init_cfg.checkpoint=weights/res38_cls.pth'},
)
_refine_phi = dict(
    _refine,
    targets='configs/refine/psa-scores_levelset_voc12.py',
    walk='configs/refine/psa-walk_levelset_voc12.py',
)
_model = ('configs/retrain/largefov_resnet38_mctformer_voc12.py', 4)
_arms = dict(
    baseline=dict(
        seed=('configs/seed/mctformer_plus/deit-s_voc12.py', 32),
        threshold='otsu',
        refine=_refine,
        model=_model,
    ),
    levelset=dict(
        seed=('configs/seed/mctformer_plus/deit-s_levelset_voc12.py', 32),
        threshold=0.5,
        refine=_refine_phi,
        model=_model,
    ),
    # Table 2 compares seeds.
    mse=dict(seed=('configs/seed/ablation/deit-s_plus_voc12_mse.py', 32), threshold=0.5),
    energy=dict(seed=('configs/seed/ablation/deit-s_plus_voc12_energy.py', 32), threshold=0.5),
)
# By name: mmengine would take `from mmlevelset ...` for a config of its lazy kind.
stages, table = import_module('mmlevelset.apis.recipe').three_stages(
    'voc12', _arms, dict(train=_base_.train, test=_base_.test), tables='1 2 4 6'
)
