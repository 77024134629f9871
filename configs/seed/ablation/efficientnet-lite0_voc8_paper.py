# Table 2, row 4: CAM + L_MSE + L_Energy as printed.
_base_ = ['../cam/efficientnet-lite0_levelset_voc8.py', '../../_base_/level_set/paper_energy.py']
model = dict(
    auxiliary_head=dict(
        loss_anchor=None,
        zero=0.0,
        guidance=0.0,
        decoupled=False,
        loss_energy=dict(_delete_=True, **_base_.paper_energy),
    )
)
