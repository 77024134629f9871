# WeakTr (arXiv:2304.01184; hustvl/WeakTr, commit 3457ad3) on DeiT-S/16: MCTformer-V2 whose attention maps, those of
# every head and layer, are weighed by a small network before their mean makes the CAM.
_base_ = 'mctformer_v2.py'
# --t of the official docs/Training.md, where a search on the masks of `train` finds it
seeds = dict(cam_background=0.43)
model = dict(
    backbone=dict(per_head=True),
    decode_head=dict(_delete_=True, type='mmlevelset.WeakTrHead', num_classes=20),
    test_cfg=dict(seeds=seeds),
)
tta_model = dict(**seeds)
