# VOC 2012 in the way of WeakTr: trained as MCTformer-V2, seeds from two scales.
_base_ = 'voc12_mctformer.py'
img_ratios = (1.0, 1.2)
tta_pipeline = [
    dict(type='mmlevelset.CheckedLoadImage'),
    dict(type='mmlevelset.MultiScaleFlip', ratios=img_ratios, resize='mmlevelset.ResizeByRatio'),
]
test_evaluator = dict(scales=img_ratios)
