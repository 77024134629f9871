# MuSCLe in the training of the paper's §4.1; what it leaves open stays as in MuSCLe's code, its two
# views included.
_base_ = ['efficientnet-b3_voc12.py', '../../_base_/schedules/paper.py']
optim_wrapper = dict(optimizer=dict(type='AdamW'))
param_scheduler = _base_.paper_schedule
train_pipeline = [
    *_base_.train_pipeline[:3],  # the image, its flip and its views
    _base_.paper_resize,
    _base_.jitter,
    dict(type='mmlevelset.PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
