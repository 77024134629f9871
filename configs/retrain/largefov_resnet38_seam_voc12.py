# Retraining of SEAM on VOC 2012 (Table 6: 64.5; the authors' checkpoint: 64.754 on val with flip and CRF).
_base_ = [
    '../_base_/models/largefov_resnet38_seam.py',
    '../_base_/datasets/voc12_pseudo_seam.py',
    '../_base_/schedules/retrain_seam.py',
    '../_base_/refine/dense_crf.py',
]
tta_model = dict(crf=_base_.crf_seam_test)
