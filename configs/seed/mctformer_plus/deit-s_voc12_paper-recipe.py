# MCTformer+ in the training of the paper's §4.1; what it leaves open stays as in MCTformer+'s code. The jitter
# is that of the arguments of the code, where RandAugment switches it off.
_base_ = ['deit-s_voc12.py', '../../_base_/schedules/paper.py']
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = _base_.paper_schedule
train_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    _base_.paper_resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmlevelset.ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4, hue=0.0),
    dict(type='mmlevelset.PackImageLabels'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
