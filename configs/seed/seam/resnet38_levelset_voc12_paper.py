# SEAM with the level set and the energy as printed: Table 1 of the paper.
_base_ = ['resnet38_levelset_voc12.py', '../../_base_/level_set/paper_losses.py']
model = dict(auxiliary_head=_base_.paper_losses)
