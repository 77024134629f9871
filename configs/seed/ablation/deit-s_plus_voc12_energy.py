# Table 2, row 3: MCTformer+ and the default energy, without the SDF.
_base_ = '../mctformer_plus/deit-s_levelset_voc12.py'
model = dict(auxiliary_head=dict(loss_sdf=dict(loss_weight=0.0), loss_anchor=None, loss_area=None))
custom_hooks = [dict(type='mmlevelset.LossWarmupHook', energy=(0.0, 0.0))]
