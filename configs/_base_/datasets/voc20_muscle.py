# VOC 2012 with its 20 classes for MuSCLe.
_base_ = ['voc20.py', 'muscle_views.py']
train_dataloader = dict(dataset=dict(pipeline=_base_.muscle_pipeline))
