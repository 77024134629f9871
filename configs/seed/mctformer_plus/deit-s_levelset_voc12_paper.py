# MCTformer+ with the level set and the energy as printed: Table 1, and row 4 of Table 2.
_base_ = ['deit-s_levelset_voc12.py', '../../_base_/level_set/paper_losses.py']
model = dict(auxiliary_head=_base_.paper_losses)
