# AffinityNet on frozen features at stride 8, VOC's 20 classes at 288 px.
_base_ = 'affinitynet_efficientnet-lite0_voc8.py'
train_dataloader = dict(dataset=dict(data_root='data/voc20', metainfo=dict(_delete_=True)))
# As many iterations for few photographs as for many: 6 passes of 424.
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=162)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=162))
log_processor = dict(by_epoch=False)
