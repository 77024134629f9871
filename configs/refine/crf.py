# PSA's dense CRF on the seeds themselves.
_base_ = '../_base_/refine/dense_crf.py'
refiner = dict(_base_.crf_psa, background=dict(score=0.4))
