# MCTformer+ on COCO 2014; only its number of classes is published, the recipe is that of VOC.
_base_ = [
    '../../_base_/hosts/mctformer_plus.py',
    '../../_base_/datasets/coco14_mctformer_plus.py',
    '../../_base_/schedules/seed_mctformer_plus.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(
        num_classes=80,
        init_cfg=dict(checkpoint='weights/deit_small_mctformer_plus_coco14.pth'),
    ),
    decode_head=dict(num_classes=80),
)
