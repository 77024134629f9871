# AffinityNet on frozen features at stride 8; minutes on one core. Its labels:
#   tools/refine.py configs/refine/psa-scores_mctformer.py --seeds SEEDS --out work_dirs/refine/psa_scores
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
        type='mmlevelset.AffinityNet', in_channels=(40, 112, 320), in_index=(1, 2, 3), widths=(16, 32, 64)
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)  # fmt: skip
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.LoadAffinityScores', folder='work_dirs/refine/psa_scores'),
    dict(type='Resize', scale=_base_.img_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.PoolAffinityLabel', stride=8),
    dict(type='mmlevelset.PackImageLabels'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
train_cfg = dict(max_epochs=6)
