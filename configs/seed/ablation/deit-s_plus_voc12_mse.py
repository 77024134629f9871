# Table 2, row 2: MCTformer+ and L_MSE.
_base_ = '../mctformer_plus/deit-s_levelset_voc12.py'
model = dict(
    auxiliary_head=dict(loss_anchor=None, loss_energy=None, decoupled=False, zero=0.0, guidance=0.0)
)
