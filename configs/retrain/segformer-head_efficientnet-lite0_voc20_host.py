# The same for a backbone that a host has taught the classes already, and hence shorter: `backbone` of
# configs/pipeline/voc20_irn.py. From ImageNet, half of the classes are not found in that time.
_base_ = 'segformer-head_efficientnet-lite0_voc20.py'
train_cfg = dict(max_iters=300)
default_hooks = dict(checkpoint=dict(interval=300))
