# What IRNet is trained on, from level sets: sure from 6.5 px on either side of the contour, which are the scores
# 0.6 and 0.4 of a `truncate` of 80 px. Not published.
_base_ = ['../_base_/refine/dense_crf.py', '../_base_/refine/irn.py']
dtype = 'uint8'
refiner = dict(_base_.irn_label_levelset, crf=_base_.crf_irn_label)
