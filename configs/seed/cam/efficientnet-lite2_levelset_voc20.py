# The host on EfficientNet-Lite2 goes on with the level set.
_base_ = ['efficientnet-lite0_levelset_voc20.py', '../../_base_/hosts/efficientnet-lite2.py']
model = dict(_base_.lite2, auxiliary_head=dict(in_channels=(48, 120, 352)))
