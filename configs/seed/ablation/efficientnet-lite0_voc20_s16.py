# The level set on a map of stride 16, as a plain transformer has it.
_base_ = '../cam/efficientnet-lite0_levelset_voc20.py'
model = dict(auxiliary_head=dict(in_channels=(112, 320), in_index=(2, 3)))
