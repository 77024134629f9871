# The level set on a map of stride 4: finer, and four times the pixels for the same features.
_base_ = '../cam/efficientnet-lite0_levelset_voc20.py'
model = dict(auxiliary_head=dict(in_channels=(24, 40, 112, 320), in_index=(0, 1, 2, 3)))
