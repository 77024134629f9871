# Dense CRFs as published. A leaf takes one: `refiner = _base_.crf_psa`. Seeds need a `background`.

# psa: tool/imutils.py crf_inference on CAMs, SEAM and MCTformer alike. Low and high alpha: 4 and 32 in
# PSA's code, 4 and 24 for SEAM, 1 and 12 for MCTformer.
crf_psa = dict(
    type='mmlevelset.DenseCRF', iterations=10, background=dict(alpha=4),
    gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=80, srgb=13, compat=10),
)  # fmt: skip
# SEAM: infer_aff.py --crf (off by default), on the 21 channels after the random walk.
crf_seam_walk = dict(
    type='mmlevelset.DenseCRF', iterations=1,
    gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=80, srgb=13, compat=10),
)  # fmt: skip
# irn: misc/imutils.py crf_inference_label; RIB, AdvCAM, LPCAM and AFA alike. irn's confident foreground
# is above 0.30, its confident background below 0.05.
crf_irn_label = dict(
    type='mmlevelset.DenseCRF', iterations=10, gt_prob=0.7, background=dict(score=0.30),
    gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=50, srgb=5, compat=10),
)  # fmt: skip
# ToCo: tools/infer_cam_crf_label.py; confident background below 0.25, confident foreground above 0.7.
crf_toco_cam = dict(
    type='mmlevelset.DenseCRF', iterations=10, softmax=True, background=dict(score=0.25),
    gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=36, srgb=3, compat=4),
)  # fmt: skip

# After a segmentation model.
# MCTformer: seg/infer_seg.py, on the maximum over scales of the softmax.
crf_mctformer_test = dict(
    type='mmlevelset.DenseCRF', iterations=10,
    gaussian=dict(sxy=4, compat=3), bilateral=dict(sxy=83, srgb=5, compat=3),
)  # fmt: skip
# SEAM: semantic-segmentation-codebase, on the softmax of the mean logits.
crf_seam_test = dict(
    type='mmlevelset.DenseCRF', iterations=1,
    gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=32, srgb=13, compat=10),
)  # fmt: skip
# deeplab-pytorch: configs/voc12.yaml. CLIP-ES makes its pseudo-labels with it (255 below 0.95). Both
# feed the mean-subtracted BGR image cast to uint8; here the image is RGB.
crf_deeplabv2_test = dict(
    type='mmlevelset.DenseCRF', iterations=10,
    gaussian=dict(sxy=1, compat=3), bilateral=dict(sxy=67, srgb=3, compat=4),
)  # fmt: skip
# AFA: utils/dcrf.py.
crf_afa_test = dict(
    type='mmlevelset.DenseCRF', iterations=10,
    gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=64, srgb=5, compat=4),
)  # fmt: skip
# ToCo, VOC and COCO.
crf_toco_test = dict(
    type='mmlevelset.DenseCRF', iterations=10,
    gaussian=dict(sxy=1, compat=1), bilateral=dict(sxy=121, srgb=5, compat=4),
)  # fmt: skip
# MuSCLe: softmax mixed half and half with the uniform distribution, sxy = 64 / 3.
crf_muscle_test = dict(
    type='mmlevelset.DenseCRF', iterations=4, uniform=0.5,
    gaussian=dict(sxy=2, compat=1), bilateral=dict(sxy=64 / 3, srgb=10, compat=10),
)  # fmt: skip
