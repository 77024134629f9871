# The MuSCLe host at the size of EfficientNet-Lite0 on 8 VOC classes, with and without the level set:
# seeds of 3 random seeds each. CPU; `--jobs 2` uses 2 cores. Masks are read by the evaluations alone.
work_dir = 'work_dirs/voc8_muscle'
data_root = 'data/voc8'
classes = 'background cat dog horse sheep cow person sofa chair'

_config = 'configs/seed/muscle/efficientnet-lite0'
# arm -> (config, what becomes the seed, its label-free threshold)
_arms = dict(
    levelset=(f'{_config}_levelset_voc8.py', 'phi', '0.5'),
    cam=(f'{_config}_voc8.py', 'cam', 'otsu'),
)
_runs = (0, 1, 2)
_train, _test = '{python} tools/train.py', '{python} tools/test.py'
_gt = '--gt {data_root}/SegmentationClass --split {data_root}/ImageSets/Segmentation/train.txt --classes {classes}'
_val = 'test_dataloader.dataset.ann_file=ImageSets/Segmentation/val.txt test_evaluator.split=val'

stages = []
for _run in _runs:
    _host = '{work_dir}/' + f'host_s{_run}'
    stages.append(
        dict(
            name=f'host_s{_run}',
            command=f'{_train} {_config}_voc8_host.py --work-dir {_host} --resume '
            f'--cfg-options randomness.seed={_run}',
            done=f'{_host}/epoch_6.pth',
            makes=_host,
            needs=[],
        )
    )
    for _arm, (_leaf, _source, _threshold) in _arms.items():
        _id = f'{_arm}_s{_run}'
        _dir = '{work_dir}/' + _id
        _tta = f'--tta --cfg-options test_evaluator.threshold={_threshold} tta_model.seed_source={_source}'
        stages += [
            dict(
                name=f'train_{_id}',
                command=f'{_train} {_leaf} --work-dir {_dir} --resume '
                f'--cfg-options randomness.seed={_run} load_from={_host}/epoch_6.pth',
                done=f'{_dir}/epoch_2.pth',
                makes=_dir,
                needs=[f'host_s{_run}'],
            ),
            dict(
                name=f'seeds_{_id}',
                command=f'{_test} {_leaf} {_dir}/epoch_2.pth --work-dir {_dir}/test --out {_dir}/seeds {_tta}',
                done=f'{_dir}/test/metrics.json',
                needs=[f'train_{_id}'],
            ),
            dict(
                name=f'score_{_id}',
                command='{python} tools/eval_seeds.py '
                + f'{_dir}/seeds {_gt} --threshold {_threshold} '
                f'--json {_dir}/seeds.json',
                done=f'{_dir}/seeds.json',
                needs=[f'seeds_{_id}'],
            ),
            dict(
                name=f'val_{_id}',
                command=f'{_test} {_leaf} {_dir}/epoch_2.pth --work-dir {_dir}/test_val {_tta} {_val}',
                done=f'{_dir}/test_val/metrics.json',
                needs=[f'train_{_id}'],
            ),
        ]

_best = {
    'mIoU': 'scores.oracle_mIoU',
    'boundary IoU': 'oracle_boundary.mBIoU',
    'trimap mIoU': 'oracle_boundary.trimap_mIoU@3',
}
_free = {
    'mIoU': 'scores.mIoU',
    'boundary IoU': 'boundary.mBIoU',
    'trimap mIoU': 'boundary.trimap_mIoU@3',
}
_rows = (
    ('seeds, oracle threshold', 'seeds.json', _best),
    ('seeds, label-free threshold', 'seeds.json', _free),
    ('seeds of val, oracle threshold', 'test_val/metrics.json', {'mIoU': 'seed/oracle_mIoU'}),
    ('seeds of val, label-free threshold', 'test_val/metrics.json', {'mIoU': 'seed/mIoU'}),
)
table = [
    dict(
        arm=_arm,
        stage=_stage,
        metrics=['{work_dir}/' + f'{_arm}_s{_run}/{_file}' for _run in _runs],
        keys=_keys,
    )
    for _stage, _file, _keys in _rows
    for _arm in _arms
]
