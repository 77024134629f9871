# Eq 25 and eq 19-24 alone, one chain of gradients (figure 2), contours at 0: what the paper does not have
# is left out. A variable, not `model`, as in default.py.
_base_ = 'paper_energy.py'
paper_losses = dict(
    loss_anchor=None, decoupled=False, zero=0.0, guidance=0.0, loss_energy=_base_.paper_energy
)
