# The embedded default: image-level labels -> seeds -> pseudo-labels -> segmentation model on images that
# the project draws itself, with and without the level set, one random seed. Minutes on two CPU cores.
recipe = 'one_run'
work_dir = 'work_dirs/shapes'
prepare = 'tools/dataset_converters/shapes.py'
data_root = 'data/shapes'
host = 'configs/seed/cam/efficientnet-lite0_shapes_host.py'
# threshold: the label-free background score of the seeds
variants = dict(
    cam=dict(config='configs/seed/cam/efficientnet-lite0_shapes.py', threshold='otsu'),
    levelset=dict(config='configs/seed/cam/efficientnet-lite0_levelset_shapes.py', threshold=0.5),
)
model = 'configs/retrain/segformer-head_efficientnet-lite0_shapes.py'
picture = dict(variant='levelset', ids=['train_00000', 'train_00048', 'train_00028', 'train_00015'])
columns = ['mIoU', 'oracle mIoU', 'boundary IoU']
