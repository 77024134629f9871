# MCTformer-V2 on COCO 2014 with and without the level set: baseline of Tables 5 and 7 of the paper.
from importlib import import_module

_base_ = '../_base_/pipeline/three_stages.py'
work_dir = 'work_dirs/coco14_mctformer_v2'

_affinity = 'configs/refine/affinitynet_resnet38_mctformer_coco14.py'
_refine = dict(
    method='psa',
    targets='configs/refine/psa-scores_mctformer_coco14.py',
    train=(_affinity, 8),
    walk='configs/refine/psa-walk_mctformer_coco14.py',
    # the classifier of PSA
    options={_affinity: 'model.backbone.init_cfg.checkpoint=weights/res38_cls.pth'},
)
_refine_phi = dict(
    _refine,
    targets='configs/refine/psa-scores_levelset_coco14.py',
    walk='configs/refine/psa-walk_levelset_coco14.py',
)
_model = ('configs/retrain/largefov_resnet38_mctformer_coco14.py', 4)
_arms = dict(
    baseline=dict(
        seed=('configs/seed/mctformer/deit-s_v2_coco14.py', 64),
        threshold='otsu',
        refine=_refine,
        model=_model,
    ),
    levelset=dict(
        seed=('configs/seed/mctformer/deit-s_v2_levelset_coco14.py', 64),
        threshold=0.5,
        refine=_refine_phi,
        model=_model,
    ),
)
# By name: mmengine would take `from mmlevelset ...` for a config of its lazy kind.
stages, table = import_module('mmlevelset.apis.recipe').three_stages(
    'coco14', _arms, dict(train=_base_.train, test=_base_.test), tables='5 7'
)
