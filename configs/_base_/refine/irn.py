# IRN as published. A leaf takes one: `refiner = dict(_base_.irn_walk, config=..., checkpoint=...)`.
# The background is a constant, sem_seg_bg_thres; it can be swept without another walk:
#   tools/refine.py CONFIG --out OUT --labels-only --threshold 0.3

# irn: run_sample.py; also of ReCAM and CLIMS, whose backgrounds are not known here.
irn_walk = dict(type='mmlevelset.IRNWalk', background=dict(score=0.25), beta=10, exp_times=8)
# RIB: 0.27 on VOC, 0.22 on COCO, seeds to the power of 1.3.
irn_walk_rib = dict(irn_walk, background=dict(score=0.27), power=1.3)
irn_walk_rib_coco = dict(irn_walk, background=dict(score=0.22), power=1.3)
# AdvCAM: seeds to the power of 1.5.
irn_walk_advcam = dict(irn_walk, background=dict(score=0.25), power=1.5)
# LPCAM.
irn_walk_lpcam = dict(irn_walk, background=dict(score=0.35))
# MuSCLe: a shorter walk. How it trained its IRNet was not published.
irn_walk_muscle = dict(irn_walk, background=dict(score=0.35), beta=8, exp_times=6)

# (conf_fg_thres, conf_bg_thres) of the labels that IRNet is trained on, made by crf_irn_label. The author
# of ReCAM advises the best threshold of the seeds + 0.1 to 0.15, and - 0.1 (ReCAM#15).
irn_label = dict(type='mmlevelset.IRLabel', foreground=0.30, background=0.05)
irn_label_rib = dict(irn_label, foreground=0.35, background=0.17)  # VOC and COCO
irn_label_advcam = dict(irn_label, foreground=0.35, background=0.15)
# Of level sets, ours: the band on either side of the contour, in pixels of the network's image, whose sides
# are left open. Their `truncate` is stated by the seeds.
irn_label_levelset = dict(type='mmlevelset.IRLabel', band=6.5)
irn_label_lpcam = dict(irn_label, foreground=0.45, background=0.25)
# ReCAM's advice, with Otsu's threshold of the seeds in the place of the best, which needs masks.
irn_label_recam = dict(type='mmlevelset.IRLabel', margin=0.1, background=dict(score='otsu'))
