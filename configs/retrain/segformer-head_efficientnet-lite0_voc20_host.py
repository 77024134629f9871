# 300 iterations, for a backbone that a host has taught the classes already, as in configs/pipeline/voc20_irn.py:
#   --cfg-options model.backbone.init_cfg.checkpoint=HOST.pth model.backbone.init_cfg.prefix=backbone.
_base_ = 'segformer-head_efficientnet-lite0_voc20.py'
train_cfg = dict(max_iters=300)
default_hooks = dict(checkpoint=dict(interval=300))
