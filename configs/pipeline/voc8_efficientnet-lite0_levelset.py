# Image-level labels -> seeds -> pseudo-labels -> segmentation model on 8 VOC classes, with and without
# the level set: Table 2 of the paper and our default, 3 random seeds each. CPU; `--jobs 2` uses 2 cores.
# Masks are read by the evaluations alone: thresholds of pseudo-labels are label-free.
work_dir = 'work_dirs/voc8'
data_root = 'data/voc8'
classes = 'background cat dog horse sheep cow person sofa chair'

_host = 'configs/seed/cam/efficientnet-lite0_voc8_host.py'
_retrain = 'configs/retrain/segformer-head_efficientnet-lite0_voc8.py'
# arm -> (config, what becomes the seed, its label-free threshold)
_arms = dict(
    levelset=('configs/seed/cam/efficientnet-lite0_levelset_voc8.py', 'phi', '0.5'),
    cam=('configs/seed/cam/efficientnet-lite0_voc8.py', 'cam', 'otsu'),
    paper=('configs/seed/ablation/efficientnet-lite0_voc8_paper.py', 'phi', '0.5'),
    mse=('configs/seed/ablation/efficientnet-lite0_voc8_mse.py', 'phi', '0.5'),
    energy=('configs/seed/ablation/efficientnet-lite0_voc8_energy.py', 'phi', '0.5'),
)
_retrained = ('cam', 'levelset', 'paper')  # these go on to stages 2 and 3
_runs = (0, 1, 2)

_train = '{python} tools/train.py'
_test = '{python} tools/test.py'
_gt = '--gt {data_root}/SegmentationClass --split {data_root}/ImageSets/Segmentation/train.txt --classes {classes}'

stages = []
for _run in _runs:
    _dir = '{work_dir}/' + f'host_s{_run}'
    stages.append(
        dict(
            name=f'host_s{_run}',
            command=f'{_train} {_host} --work-dir {_dir} --resume --cfg-options randomness.seed={_run}',
            done=f'{_dir}/epoch_6.pth',
            makes=_dir,
            needs=[],
        )
    )
for _arm, (_config, _source, _threshold) in _arms.items():
    for _run in _runs:
        _id = f'{_arm}_s{_run}'
        _dir = '{work_dir}/' + _id
        _seeded = f'--cfg-options randomness.seed={_run}'
        _scored = (
            f'--tta --cfg-options test_evaluator.threshold={_threshold} tta_model.seed_source='
        )
        stages += [
            dict(
                name=f'train_{_id}',
                command=f'{_train} {_config} --work-dir {_dir} --resume {_seeded} '
                'load_from={work_dir}/' + f'host_s{_run}/epoch_6.pth',
                done=f'{_dir}/epoch_4.pth',
                makes=_dir,
                needs=[f'host_s{_run}'],
            ),
            dict(
                name=f'seeds_{_id}',
                command=f'{_test} {_config} {_dir}/epoch_4.pth --work-dir {_dir}/test --out {_dir}/seeds '
                f'{_scored}{_source}',
                done=f'{_dir}/test/metrics.json',
                needs=[f'train_{_id}'],
            ),
            dict(
                name=f'score_{_id}',
                command='{python} tools/eval_seeds.py ' + f'{_dir}/seeds {_gt} '
                f'--threshold {_threshold} --json {_dir}/seeds.json',
                done=f'{_dir}/seeds.json',
                needs=[f'seeds_{_id}'],
            ),
        ]
        stages.append(  # images that no choice was made on
            dict(
                name=f'val_{_id}',
                command=f'{_test} {_config} {_dir}/epoch_4.pth --work-dir {_dir}/test_val {_scored}{_source} '
                'test_dataloader.dataset.ann_file=ImageSets/Segmentation/val.txt test_evaluator.split=val',
                done=f'{_dir}/test_val/metrics.json',
                needs=[f'train_{_id}'],
            )
        )
        if _arm == 'levelset':  # does training through phi^0 improve the CAM itself?
            stages.append(
                dict(
                    name=f'cam_{_id}',
                    command=f'{_test} {_config} {_dir}/epoch_4.pth --work-dir {_dir}/test_cam '
                    '--tta --cfg-options test_evaluator.threshold=otsu tta_model.seed_source=cam',
                    done=f'{_dir}/test_cam/metrics.json',
                    needs=[f'train_{_id}'],
                )
            )
        if _arm in _retrained:
            stages += [
                dict(
                    name=f'labels_{_id}',
                    command='{python} tools/make_pseudo_labels.py ' + f'{_dir}/seeds {_dir}/labels '
                    f'--threshold {_threshold}',
                    makes=f'{_dir}/labels',
                    needs=[f'seeds_{_id}'],
                ),
                dict(
                    name=f'score_labels_{_id}',
                    command='{python} tools/eval_seeds.py '
                    + f'{_dir}/labels {_gt} --json {_dir}/labels.json',
                    done=f'{_dir}/labels.json',
                    needs=[f'labels_{_id}'],
                ),
                dict(
                    name=f'retrain_{_id}',
                    command=f'{_train} {_retrain} --work-dir {_dir}/retrain --resume {_seeded} '
                    f'train_dataloader.dataset.data_prefix.seg_map_path={_dir}/labels',
                    done=f'{_dir}/retrain/epoch_4.pth',
                    makes=f'{_dir}/retrain',
                    needs=[f'labels_{_id}'],
                ),
                dict(
                    name=f'test_{_id}',
                    command=f'{_test} {_retrain} {_dir}/retrain/epoch_4.pth --work-dir {_dir}/retrain/test',
                    done=f'{_dir}/retrain/test/metrics.json',
                    needs=[f'retrain_{_id}'],
                ),
            ]

_oracle = {'mIoU': 'seed/oracle_mIoU', 'threshold': 'seed/oracle_threshold'}
_fixed = {'mIoU': 'seed/mIoU', 'threshold': 'seed/threshold'}
_free = {
    'mIoU': 'scores.mIoU',
    'boundary IoU': 'boundary.mBIoU',
    'trimap mIoU': 'boundary.trimap_mIoU@3',
}
_best = {
    'mIoU': 'scores.oracle_mIoU',
    'boundary IoU': 'oracle_boundary.mBIoU',
    'trimap mIoU': 'oracle_boundary.trimap_mIoU@3',
}
_labels = {
    'mIoU': 'scores.mIoU',
    'boundary IoU': 'boundary.mBIoU',
    'trimap mIoU': 'boundary.trimap_mIoU@3',
}
_model = {'mIoU': 'mIoU', 'boundary IoU': 'boundary/mBIoU', 'trimap mIoU': 'boundary/trimap_mIoU@3'}

_rows = (
    ('seeds, oracle threshold', 'seeds.json', _best, _arms),
    ('seeds, label-free threshold', 'seeds.json', _free, _arms),
    ('seeds of val, oracle threshold', 'test_val/metrics.json', _oracle, _arms),
    ('seeds of val, label-free threshold', 'test_val/metrics.json', _fixed, _arms),
    ('CAM of the same network, oracle', 'test_cam/metrics.json', _oracle, ('levelset',)),
    ('pseudo-labels', 'labels.json', _labels, _retrained),
    ('model, val', 'retrain/test/metrics.json', _model, _retrained),
)
table = []
for _stage, _file, _keys, _some in _rows:
    for _arm in _some:
        _paths = ['{work_dir}/' + f'{_arm}_s{_run}/{_file}' for _run in _runs]
        table.append(dict(arm=_arm, stage=_stage, metrics=_paths, keys=_keys))
