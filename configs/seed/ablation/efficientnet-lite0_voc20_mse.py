# Table 2, row 2: CAM + L_MSE.
_base_ = '../cam/efficientnet-lite0_levelset_voc20.py'
model = dict(
    auxiliary_head=dict(loss_anchor=None, loss_energy=None, decoupled=False, zero=0.0, guidance=0.0)
)
