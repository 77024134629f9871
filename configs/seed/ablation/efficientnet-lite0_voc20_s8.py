# The level set on a map of stride 8, as if the backbone had no finer one.
_base_ = '../cam/efficientnet-lite0_levelset_voc20.py'
model = dict(auxiliary_head=dict(in_channels=(40, 112, 320), in_index=(1, 2, 3)))
