# mmsegmentation's SegFormer-B1 on pseudo-labels of VOC 2012; the optimiser is that of its ADE20K configs.
_base_ = [
    'mmseg::_base_/models/segformer_mit-b0.py',
    '../_base_/datasets/voc12_pseudo.py',
    '../_base_/schedules/retrain.py',
]
weights = 'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/mit_b1_20220624-02e5a6a1.pth'
norm_cfg = dict(type='BN', requires_grad=True)  # SyncBN of mmsegmentation needs several GPUs
model = dict(
    data_preprocessor=dict(size=(512, 512)),
    backbone=dict(embed_dims=64, init_cfg=dict(type='Pretrained', checkpoint=weights)),
    decode_head=dict(in_channels=[64, 128, 320, 512], num_classes=21, norm_cfg=norm_cfg),
)
rates = dict(
    pos_block=dict(decay_mult=0.0), norm=dict(decay_mult=0.0), decode_head=dict(lr_mult=10.0)
)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=rates),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', eta_min=0.0, power=1.0, begin=1500, end=20000, by_epoch=False),
]
