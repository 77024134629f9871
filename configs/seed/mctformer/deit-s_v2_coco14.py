# MCTformer-V2 on COCO 2014.
_base_ = [
    '../../_base_/hosts/mctformer_v2.py',
    '../../_base_/datasets/coco14_mctformer.py',
    '../../_base_/schedules/seed_mctformer.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(
        num_classes=80, init_cfg=dict(checkpoint='weights/deit_small_mctformer_v2_coco14.pth')
    ),
    decode_head=dict(num_classes=80),
)
