# SEAM with a real momentum, and a tenth of the rates: lr / (1 - momentum) stays the same.
_base_ = 'resnet38_voc12.py'
optim_wrapper = dict(optimizer=dict(lr=0.001, momentum=0.9))
