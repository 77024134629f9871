# Seeds of voc20_efficientnet-lite0_levelset.py -> IRNet, trained on every second photograph of train -> IRN's labels
# of all 847 -> SegFormer's head, tested on val; with and without the level set, 3 random seeds: what voc20_refine.py
# answers about IRN, on fewer images. Masks are read by the evaluations alone.
_base_ = 'voc20_refine.py'
work_dir = 'work_dirs/voc20_irn'
every = 2
left_out = ['crf', 'crf-labels', 'psa']
models = dict(
    images='train.txt',
    # 847 images teach an ImageNet backbone too little (docs/en/results.md); the host saw image-level labels alone
    backbone='configs/seed/cam/efficientnet-lite0_voc20_host.py',
    configs=dict(
        _delete_=True, segformer='configs/retrain/segformer-head_efficientnet-lite0_voc20_host.py'
    ),
)
