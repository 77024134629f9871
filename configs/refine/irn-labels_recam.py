# What IRNet is trained on, by the advice of ReCAM's author: surer than the threshold of the seeds by a margin.
_base_ = ['../_base_/refine/dense_crf.py', '../_base_/refine/irn.py']
dtype = 'uint8'
refiner = dict(_base_.irn_label_recam, crf=_base_.crf_irn_label)
