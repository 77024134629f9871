# Table 2, row 3: CAM + L_Energy as printed, without the SDF.
_base_ = ['../cam/efficientnet-lite0_levelset_voc8.py', '../../_base_/level_set/paper_energy.py']
model = dict(
    auxiliary_head=dict(loss_sdf=dict(loss_weight=0.0), loss_energy=dict(_delete_=True, **_base_.paper_energy))
)
custom_hooks = [dict(type='mmlevelset.LossWarmupHook', energy=(0.0, 0.0))]
