# CAM, AdvCAM and LPCAM of one network, each alone and as what a level set is trained on: VOC's 20 classes, 1,800
# photographs, 3 random seeds, label-free thresholds; masks are read by the evaluations alone. All maps are read
# from the network of `cam`, not from the host: it has trained for as long as a level set has, and so each level set
# learns from the very maps whose score stands beside it. The level sets differ by that map alone; `levelset` is
# the default, which follows its own host's CAM as it changes.
recipe = 'random_seeds'
work_dir = 'work_dirs/voc20_cam_methods'
data_root = 'data/voc20'
classes = []  # VOC's
random_seeds = [0, 1, 2]
order = 'random_seed'
left_out = []  # AdvCAM takes hours: 'left_out=[advcam,levelset_advcam]' does the rest first
host = 'configs/seed/cam/efficientnet-lite0_voc20_host.py'
variants = dict(
    cam=dict(
        config='configs/seed/cam/efficientnet-lite0_voc20.py',
        source='cam',
        threshold='otsu',
        exported='train_mid.txt',  # the list of the trainings
    ),
    lpcam=dict(like='cam', config='configs/seed/lpcam/efficientnet-lite0_voc20.py', network='cam'),
    advcam=dict(
        like='cam', config='configs/seed/advcam/efficientnet-lite0_voc20.py', network='cam'
    ),
    levelset=dict(
        config='configs/seed/cam/efficientnet-lite0_levelset_voc20.py', source='phi', threshold=0.5
    ),
    levelset_cam=dict(like='levelset', guide='cam'),
    levelset_lpcam=dict(like='levelset', guide='lpcam'),
    levelset_advcam=dict(like='levelset', guide='advcam'),
)
columns = ['mIoU', 'boundary IoU', 'trimap mIoU', 'threshold']
