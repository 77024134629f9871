# MCTformer-V2 (arXiv:2203.02891) on DeiT-S/16: as +, but one set of position parameters, average
# pooling, and a product without root of the attentions of 3 layers and the patch scores.
_base_ = '../preprocessors.py'
num_classes = 20
data_preprocessor = dict(
    _base_.imagenet,
    size=(224, 224),
)
seeds = dict(
    cam_background=0.39,  # of the official PSA scripts, "the optimal one obtained for seeds"
    normalise='minmax',
    eps=1e-8,
    margin=0.0,
)
model = dict(
    type='mmlevelset.SeedSegmentor',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.MCTformer',
        num_classes=num_classes,
        img_size=224,
        separate_pos_embed=False,
        # DeiT's, for the number of classes of this config: see README.md of the leaf
        init_cfg=dict(type='Pretrained', checkpoint='weights/deit_small_mctformer_v2_voc12.pth'),
    ),
    decode_head=dict(
        type='mmlevelset.MCTformerHead', variant='v2', num_layers=3, num_classes=num_classes
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole', seeds=seeds),
)
tta_model = dict(type='mmlevelset.CAMTTAModel', seed_source='cam', **seeds)
