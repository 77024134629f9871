# PSA as published. A leaf takes one: `refiner = dict(_base_.psa_walk_seam, config=..., checkpoint=...)`.
# The labels are the highest of the walked scores; no CRF follows (SEAM's optional one: crf_seam_walk).

# psa: infer_aff.py --alpha 16 --beta 8 --logt 8. Its low and high alpha: 4 and 32 in the code, 4 and 24
# in one table of the README.
psa_walk_psa = dict(type='mmlevelset.PSAWalk', background=dict(alpha=16), beta=8, logt=8)
psa_alphas_psa = dict(low=4, high=32)
# SEAM: infer_aff.py --alpha 6 --beta 8 --logt 6; infer_SEAM.py --low_alpha 4 --high_alpha 24.
psa_walk_seam = dict(type='mmlevelset.PSAWalk', background=dict(alpha=6), beta=8, logt=6)
psa_alphas_seam = dict(low=4, high=24)
# MCTformer: a constant background, the best threshold of its seeds on the masks of train. The code of
# the alphas is in the branch MCTformerPlus only. Values for MCTformer+ (76.2 on train) and for COCO were
# not published.
psa_walk_mctformer = dict(type='mmlevelset.PSAWalk', background=dict(score=0.39), beta=8, logt=6)
psa_alphas_mctformer = dict(low=1, high=12)
