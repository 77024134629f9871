# DeepLab-V2 ResNet-101 on pseudo-labels of VOC 2012, with deeplab-pytorch's recipe.
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/voc12_pseudo_deeplabv2.py',
    '../_base_/schedules/retrain_deeplabv2.py',
    '../_base_/refine/dense_crf.py',
]
tta_model = dict(crf=_base_.crf_deeplabv2_test)
