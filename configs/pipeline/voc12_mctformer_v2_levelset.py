# MCTformer-V2 on PASCAL VOC 2012 with and without the level set: baseline of Tables 4 and 6 of the paper.
_base_ = '../_base_/pipeline/three_stages.py'
work_dir = 'work_dirs/voc12_mctformer_v2'
data = 'voc12'
tables = ['4', '6']
variants = dict(
    baseline=dict(
        seeds='configs/seed/mctformer/deit-s_v2_voc12.py',
        threshold='otsu',
        targets='configs/refine/psa-scores_mctformer.py',
        walk='configs/refine/psa-walk_mctformer_voc12.py',
        walk_options=['refiner.background.score=otsu'],  # as label-free as that of the level set
    ),
    # The baseline's labels at the published background score, which was found on the masks of train.
    published=dict(network_of='baseline', walk='configs/refine/psa-walk_mctformer_voc12.py'),
    levelset=dict(
        seeds='configs/seed/mctformer/deit-s_v2_levelset_voc12.py',
        threshold=0.5,
        targets='configs/refine/psa-scores_levelset.py',
        walk='configs/refine/psa-walk_levelset_voc12.py',
    ),
)
refiner = dict(
    method='psa',
    network='configs/refine/affinitynet_resnet38_mctformer_voc12.py',
)
model = 'configs/retrain/largefov_resnet38_mctformer_voc12.py'
