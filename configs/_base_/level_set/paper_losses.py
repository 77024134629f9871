# Eq 25 and eq 19-24 alone, and one chain of gradients (figure 2): the losses that the paper does not have
# are left out. A variable, not `model`, as in default.py.
_base_ = 'paper_energy.py'
paper_losses = dict(
    loss_anchor=None, loss_area=None, decoupled=False, loss_energy=_base_.paper_energy
)
