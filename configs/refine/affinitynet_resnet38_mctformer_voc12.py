# AffinityNet of MCTformer. It starts from PSA's res38_cls.pth: set model.backbone.init_cfg to its converted
# file. Its labels:
#   tools/refine.py configs/refine/psa-scores_mctformer.py --seeds SEEDS --out work_dirs/refine/psa_scores
_base_ = 'affinitynet_resnet38_psa_voc12.py'
optim_wrapper = dict(optimizer=dict(lr=0.01))
train_cfg = dict(max_epochs=5)
