# Eq 25 and eq 19-24 alone, one chain of gradients (figure 2), the CAM as it is, contours at 0. Kept of the default:
# the background that eq 9 lacks, found without labels, and an operator that sees the image. A variable, as in
# default.py.
_base_ = 'paper_energy.py'
paper_losses = dict(
    loss_anchor=None,
    decoupled=False,
    zero=0.0,
    guidance=0.0,
    smooth=0.0,
    loss_energy=_base_.paper_energy,
)
