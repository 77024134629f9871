# Stage 3 of MCTformer+ on COCO 2014 (Table 7: 45.2 and 46.1). Neither MCTformer nor MCTformer+ has
# published a recipe for it: this is that of VOC with 81 labels, and as many epochs.
_base_ = [
    '../_base_/models/largefov_resnet38_mctformer.py',
    '../_base_/datasets/coco14_pseudo_mctformer.py',
    '../_base_/schedules/retrain_mctformer.py',
    '../_base_/refine/dense_crf.py',
]
model = dict(decode_head=dict(num_classes=81))
tta_model = dict(merge='max', crf=_base_.crf_mctformer_test)
max_iters = 620850  # 30 * (82783 // 4)
param_scheduler = [
    dict(type='PolyLR', eta_min=0.0, power=0.9, begin=0, end=max_iters + 1, by_epoch=False)
]
train_cfg = dict(max_iters=max_iters)
