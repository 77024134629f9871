# The embedded default: image-level labels -> seeds -> pseudo-labels -> segmentation model on images that
# the project draws itself, with and without the level set, one random seed. Minutes on two CPU cores.
work_dir = 'work_dirs/shapes'
data_root = 'data/shapes'

_train = '{python} tools/train.py'
_test = '{python} tools/test.py'
_gt = '--gt {data_root}/SegmentationClass --split {data_root}/ImageSets/Segmentation/train.txt'
_retrain = 'configs/retrain/segformer-head_efficientnet-lite0_shapes.py'
_host = '{work_dir}/host'
# arm -> (config, what becomes the seed, its label-free threshold)
_arms = dict(
    cam=('configs/seed/cam/efficientnet-lite0_shapes.py', 'cam', 'otsu'),
    levelset=('configs/seed/cam/efficientnet-lite0_levelset_shapes.py', 'phi', '0.5'),
)

stages = [
    dict(name='data', command='{python} tools/dataset_converters/shapes.py {data_root}', needs=[]),
    dict(
        name='host',
        command=f'{_train} configs/seed/cam/efficientnet-lite0_shapes_host.py --work-dir {_host} --resume',
        done=f'{_host}/epoch_6.pth',
        makes=_host,
    ),
]
for _arm, (_config, _source, _threshold) in _arms.items():
    _dir = '{work_dir}/' + _arm
    stages += [
        dict(
            name=f'train_{_arm}',
            command=f'{_train} {_config} --work-dir {_dir} --resume --cfg-options load_from={_host}/epoch_6.pth',
            done=f'{_dir}/epoch_14.pth',
            makes=_dir,
            needs=['host'],
        ),
        dict(
            name=f'seeds_{_arm}',
            command=f'{_test} {_config} {_dir}/epoch_14.pth --work-dir {_dir}/test --out {_dir}/seeds --tta',
            done=f'{_dir}/test/metrics.json',
        ),
        dict(
            name=f'score_seeds_{_arm}',
            command='{python} tools/eval_seeds.py '
            + f'{_dir}/seeds {_gt} --threshold {_threshold} '
            f'--json {_dir}/seeds.json',
            done=f'{_dir}/seeds.json',
            needs=[f'seeds_{_arm}'],
        ),
        dict(
            name=f'labels_{_arm}',
            command='{python} tools/make_pseudo_labels.py '
            + f'{_dir}/seeds {_dir}/labels --threshold {_threshold}',
            makes=f'{_dir}/labels',
            needs=[f'seeds_{_arm}'],
        ),
        dict(
            name=f'retrain_{_arm}',
            command=f'{_train} {_retrain} --work-dir {_dir}/retrain --resume --cfg-options '
            f'train_dataloader.dataset.data_prefix.seg_map_path={_dir}/labels',
            done=f'{_dir}/retrain/epoch_10.pth',
            makes=f'{_dir}/retrain',
            needs=[f'labels_{_arm}'],
        ),
        dict(
            name=f'test_{_arm}',
            command=f'{_test} {_retrain} {_dir}/retrain/epoch_10.pth --work-dir {_dir}/retrain/test',
            done=f'{_dir}/retrain/test/metrics.json',
        ),
    ]
_dir = '{work_dir}/levelset'
picture = '{work_dir}/stages.png'
stages.append(
    dict(
        name='picture',
        command='{python} tools/analysis_tools/draw_stages.py '
        f'configs/seed/cam/efficientnet-lite0_levelset_shapes.py {_dir}/epoch_14.pth --seeds {_dir}/seeds '
        f'--labels {_dir}/labels --ids train_00000 train_00048 train_00028 train_00015 --out {picture}',
        done=picture,
        needs=['labels_levelset'],
    )
)
_regions = {
    'mIoU': 'scores.mIoU',
    'oracle mIoU': 'scores.oracle_mIoU',
    'boundary IoU': 'boundary.mBIoU',
}
_model = {'mIoU': 'mIoU', 'boundary IoU': 'boundary/mBIoU'}
table = []
for _arm in _arms:
    _dir = '{work_dir}/' + _arm
    table += [
        dict(arm=_arm, stage='seeds, train', metrics=f'{_dir}/seeds.json', keys=_regions),
        dict(
            arm=_arm, stage='model, val', metrics=f'{_dir}/retrain/test/metrics.json', keys=_model
        ),
    ]
