# Table 2, row 4: CAM + L_MSE + L_Energy as printed. One chain of gradients, contours at 0.
_base_ = ['../cam/efficientnet-lite0_levelset_voc20.py', '../../_base_/level_set/paper_losses.py']
model = dict(
    auxiliary_head=dict(_base_.paper_losses, loss_energy=dict(_delete_=True, **_base_.paper_energy))
)
