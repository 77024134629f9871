# MuSCLe on PASCAL VOC 2012 with and without the level set: Tables 1 and 4 of the paper. Its
# own segmentation network (EfficientNet-B7, BiFPN) is not built here: DeepLab-V2 stands in, in a folder
# of its own, so that Table 6 does not show it as MuSCLe's.
_base_ = (
    '../_base_/pipeline/three_stages.py'  # first, or mmengine 0.10.7 takes importlib for a config
)
from importlib import import_module

work_dir = 'work_dirs/voc12_muscle'

_irnet = ('configs/refine/irnet_resnet50_voc12.py', 32)
_stage3 = dict(model=('configs/retrain/deeplabv2_r101_voc12.py', 5), model_dir='deeplabv2')
_arms = dict(
    baseline=dict(
        seed=('configs/seed/muscle/efficientnet-b3_voc12.py', 16),
        threshold='otsu',
        refine=dict(
            method='irn',
            targets='configs/refine/irn-labels_irn_voc12.py',  # MuSCLe's are not published
            train=_irnet,
            walk='configs/refine/irn-walk_muscle_voc12.py',
        ),
        **_stage3,
    ),
    levelset=dict(
        seed=('configs/seed/muscle/efficientnet-b3_levelset_voc12.py', 16),
        threshold=0.5,
        refine=dict(
            method='irn',
            targets='configs/refine/irn-labels_levelset_voc12.py',
            train=_irnet,
            walk='configs/refine/irn-walk_levelset_voc12.py',
        ),
        **_stage3,
    ),
)
# By name: mmengine would take `from mmlevelset ...` for a config of its lazy kind.
stages, table = import_module('mmlevelset.pipeline.recipes').three_stages(
    'voc12', _arms, dict(train=_base_.train, test=_base_.test), tables='1 4'
)
