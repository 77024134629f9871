# AffinityNet of MCTformer, which starts from PSA's classifier of VOC's 20 classes. Its labels:
#   tools/refine.py configs/refine/psa-scores_mctformer.py --seeds SEEDS --out work_dirs/refine/psa_scores
_base_ = 'affinitynet_resnet38_psa_voc12.py'
model = dict(backbone=dict(init_cfg=dict(checkpoint='weights/res38_cls.pth')))
optim_wrapper = dict(optimizer=dict(lr=0.01))
train_cfg = dict(max_epochs=5)
