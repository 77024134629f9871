# SEAM at the size of EfficientNet-Lite0 on VOC's 20 classes, with and without the level set: seeds of 1,800
# photographs, 3 random seeds. One preset, label-free thresholds; masks are read by the evaluations alone.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc20_seam'
data_root = 'data/voc20'
classes = []  # VOC's
random_seeds = [0, 1, 2]
order = 'random_seed'
# SEAM's classifier of two views learns slowly, and its other losses want maps that know the classes already.
host_backbone = 'configs/seed/cam/efficientnet-lite0_voc20_host.py'
host = 'configs/seed/seam/efficientnet-lite0_voc20_host.py'
variants = dict(
    baseline=dict(
        config='configs/seed/seam/efficientnet-lite0_voc20.py', source='cam', threshold='otsu'
    ),
    levelset=dict(
        config='configs/seed/seam/efficientnet-lite0_levelset_voc20.py',
        source='phi',
        threshold=0.5,
    ),
    # The level set learns from the CAM itself, not from what PCM returns.
    guide_cam=dict(like='levelset', options=['model.decode_head.guide=cam']),
)
left_out = ['guide_cam']
columns = ['mIoU', 'boundary IoU', 'trimap mIoU', 'threshold']
