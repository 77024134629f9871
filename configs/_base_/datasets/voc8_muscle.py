# 8 VOC classes for MuSCLe.
_base_ = ['voc8_288.py', 'muscle_views.py']
train_dataloader = dict(dataset=dict(pipeline=_base_.muscle_pipeline))
