# What IRNet is trained on, from level sets: 0.1 above and below the zero level set. Not published.
_base_ = ['../_base_/refine/dense_crf.py', '../_base_/refine/irn.py']
dtype = 'uint8'
refiner = dict(_base_.irn_label, foreground=0.6, background=0.4, crf=_base_.crf_irn_label)
