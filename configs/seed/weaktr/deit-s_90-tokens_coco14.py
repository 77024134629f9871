# WeakTr on COCO 2014 as published: a token for each of the 90 category ids, ten of which have no class.
_base_ = 'deit-s_coco14.py'
model = dict(
    backbone=dict(
        spare_tokens=10,
        init_cfg=dict(checkpoint='weights/deit_small_mctformer_v2_90-tokens_coco14.pth'),
    )
)
