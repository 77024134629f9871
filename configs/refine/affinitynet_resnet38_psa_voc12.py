# AffinityNet of PSA. Its labels:
#   tools/refine.py configs/refine/psa-scores_psa.py --seeds SEEDS --out work_dirs/refine/psa_scores
_base_ = [
    '../_base_/hosts/affinity_resnet38.py',
    '../_base_/datasets/voc12_affinity.py',
    '../_base_/schedules/affinity_psa.py',
    '../_base_/default_runtime.py',
]
