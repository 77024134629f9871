# MCTformer+ (arXiv:2308.03005) on DeiT-S/16: class tokens and patches classify, their attentions
# and scores make the CAM, and the affinity of the patches refines it.
_base_ = '../preprocessors.py'
num_classes = 20
data_preprocessor = dict(
    _base_.imagenet,
    size=(448, 448),
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmlevelset.MCTformer',
        num_classes=num_classes,
        img_size=448,
        # DeiT's, for the number of classes of this config: see README.md of the leaf
        init_cfg=dict(type='Pretrained', checkpoint='weights/deit_small_mctformer_plus_voc12.pth'),
    ),
    decode_head=dict(
        type='mmlevelset.MCTformerHead', variant='plus', num_layers=12, num_classes=num_classes
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
tta_model = dict(
    type='mmlevelset.CAMTTAModel',
    seed_source='cam',
    background=0.39,  # of the official PSA scripts, "the optimal one obtained for seeds"
    normalise='minmax',
    eps=1e-8,
    margin=0.0,
)
