# MCTformer+ (arXiv:2308.03005) on DeiT-S/16: class tokens and patches classify, their attentions
# and scores make the CAM, and the affinity of the patches refines it.
_base_ = 'mctformer_v2.py'
model = dict(
    data_preprocessor=dict(size=(448, 448)),
    backbone=dict(
        img_size=448,
        separate_pos_embed=True,
        init_cfg=dict(checkpoint='weights/deit_small_mctformer_plus_voc12.pth'),
    ),
    decode_head=dict(variant='plus', num_layers=12),
)
