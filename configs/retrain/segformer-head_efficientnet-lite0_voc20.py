# SegFormer's head on the pseudo-labels of 1,800 photographs of VOC 2012, its 20 classes.
_base_ = ['segformer-head_efficientnet-lite0_voc8.py', '../_base_/datasets/voc20_pseudo.py']
model = dict(decode_head=dict(num_classes=21))
train_dataloader = _base_.voc20_pseudo.train_dataloader
test_dataloader = _base_.voc20_pseudo.test_dataloader
train_cfg = _base_.voc20_pseudo.train_cfg
default_hooks = _base_.voc20_pseudo.default_hooks
log_processor = _base_.voc20_pseudo.log_processor
