# IRN's dense CRF on the labels of the seeds, each right with a probability of 0.7.
_base_ = '../_base_/refine/dense_crf.py'
refiner = dict(_base_.crf_irn_label, background=dict(score=0.4))
