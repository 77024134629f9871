# Retraining of MCTformer+ on COCO 2014 (Table 7: 45.2 and 46.1). Neither MCTformer nor MCTformer+ has
# published a recipe for it: this is that of VOC with 81 labels, and as many epochs.
_base_ = ['largefov_resnet38_mctformer_voc12.py', '../_base_/datasets/coco14_images.py']
model = dict(decode_head=dict(num_classes=81))
train_dataloader = dict(dataset=_base_.coco14_pseudo)
test_dataloader = dict(dataset=_base_.coco14_val)
test_cfg = dict(type='mmlevelset.CRFTestLoop')
tta_model = dict(crf_tolerance=0.03)  # 81 labels, few of them in an image: docs/en/refine.md
train_cfg = dict(max_iters=620850)  # 30 * (82783 // 4)
