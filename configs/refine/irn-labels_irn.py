# What IRNet is trained on: 0, classes and 255 (unsure), in out/labels.
_base_ = ['../_base_/refine/dense_crf.py', '../_base_/refine/irn.py']
dtype = 'uint8'
refiner = dict(_base_.irn_label, crf=_base_.crf_irn_label)
