# Retraining of MCTformer and MCTformer+ on VOC 2012 (Table 6: 74.0 without and 74.6 with the level set).
_base_ = [
    '../_base_/models/largefov_resnet38_mctformer.py',
    '../_base_/datasets/voc12_pseudo_mctformer.py',
    '../_base_/schedules/retrain_mctformer.py',
    '../_base_/refine/dense_crf.py',
]
tta_model = dict(merge='max', crf=_base_.crf_mctformer_test)
