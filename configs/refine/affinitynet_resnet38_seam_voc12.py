# AffinityNet of SEAM. Its labels:
#   tools/refine.py configs/refine/psa-scores_seam.py --seeds SEEDS --out work_dirs/refine/psa_scores
_base_ = 'affinitynet_resnet38_psa_voc12.py'
optim_wrapper = dict(optimizer=dict(lr=0.01))
