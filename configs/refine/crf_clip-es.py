# CLIP-ES's pseudo-labels: deeplab-pytorch's dense CRF on the seeds and the background 1 - max, pixels
# below 0.95 unsure (eval_cam_with_crf.py).
_base_ = '../_base_/refine/dense_crf.py'
refiner = dict(_base_.crf_deeplabv2_test, background=dict(alpha=1))
unsure_below = 0.95
