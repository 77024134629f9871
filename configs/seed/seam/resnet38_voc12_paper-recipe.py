# SEAM in the training of the paper's §4.1; what it leaves open stays as in SEAM's code.
_base_ = ['resnet38_voc12.py', '../../_base_/schedules/paper.py']
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.01, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(_delete_=True)),  # one rate
)
param_scheduler = _base_.paper_schedule
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    _base_.paper_resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1),
    dict(type='mmlevelset.PackImageLabels'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
