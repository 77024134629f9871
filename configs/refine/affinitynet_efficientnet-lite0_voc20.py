# AffinityNet on frozen features at stride 8, VOC's 20 classes at 288 px.
_base_ = 'affinitynet_efficientnet-lite0_voc8.py'
train_dataloader = dict(dataset=dict(data_root='data/voc20', metainfo=dict(_delete_=True)))
