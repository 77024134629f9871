# IRNet on frozen features at stride 4; minutes on one core. Its labels:
#   tools/refine.py configs/refine/irn-labels_recam.py --seeds SEEDS --out work_dirs/refine/irn_labels
_base_ = [
    '../_base_/hosts/frozen_efficientnet-lite0.py',
    '../_base_/datasets/voc8_288.py',
    '../_base_/schedules/seed_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    backbone=_base_.backbone,
    decode_head=dict(
        type='mmlevelset.IRNet',
        in_channels=(24, 40, 112, 320),
        in_index=(0, 1, 2, 3),
        strides=(4, 8, 16, 32),
        radius=5,  # IRN's 10 costs ten times as much
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.CheckedLoadAnnotations'),
    dict(type='Resize', scale=_base_.img_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.StrideLabel', stride=4),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_root='',
        ann_file='data/voc8/ImageSets/Segmentation/train.txt',
        image_labels=None,
        data_prefix=dict(
            img_path='data/voc8/JPEGImages', seg_map_path='work_dirs/refine/irn_labels/labels'
        ),
        pipeline=train_pipeline,
    )
)
train_cfg = dict(max_epochs=6)
