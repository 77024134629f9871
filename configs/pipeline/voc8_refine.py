# Seeds of voc8_efficientnet-lite0_levelset.py -> each refiner -> pseudo-labels of every fourth training
# image, with and without the level set, 3 random seeds; then IRN's labels of all training images, and DeepLab-V2 on
# them. CPU; `--jobs 2` uses 2 cores. Masks are read by the evaluations alone.
work_dir = 'work_dirs/voc8_refine'
seeds = 'work_dirs/voc8'
data_root = 'data/voc8'
classes = 'background cat dog horse sheep cow person sofa chair'

_split = '{data_root}/ImageSets/Segmentation/train.txt'
_part = '{work_dir}/part.txt'
# arm -> label-free background: Otsu's threshold of the CAMs (0.39 for each random seed), the zero level set
_arms = dict(cam=0.39, levelset=0.5)
_margin = 0.1  # ReCAM's advice for IRNet's confident foreground and background
_runs = (0, 1, 2)
_direct = ('crf', 'crf-labels', 'par', 'chan-vese', 'drlse', 'levelset')  # need no training
_network = 'configs/refine/{}_efficientnet-lite0_voc8.py'
_model = 'configs/retrain/deeplabv2_efficientnet-lite0_voc8.py'
_refine = '{python} tools/refine.py configs/refine/'
_score = '{python} tools/eval_seeds.py '
_gt = '--gt {data_root}/SegmentationClass --classes {classes}'

stages = [
    dict(name='part', command="awk 'NR % 4 == 1' " + _split + ' > {work_dir}/part.txt', needs=[])
]


def _stage(name, command, done, needs, makes=None):
    stages.append(dict(name=name, command=command, done=done, needs=[needs], makes=makes))


for _run in _runs:
    for _arm, _t in _arms.items():
        _id = f'{_arm}_s{_run}'
        _dir, _seeds = '{work_dir}/' + _id, '{seeds}/' + f'{_id}/seeds'
        _in = f'--seeds {_seeds} --split {_part}'
        _at = f'refiner.background.score={_t}'

        def _scored(name, command, needs='part', id=_id, dir=_dir):
            out = f'{dir}/{name}'
            _stage(
                f'{name}_{id}',
                f'{command} && {_score}{out}/labels {_gt} --split {_part} --json {out}/labels.json',
                f'{out}/labels.json',
                needs,
                out,
            )

        _stage(
            f'seeds_{_id}',
            f'{_score}{_seeds} {_gt} --split {_part} --threshold {_t} --json {_dir}/seeds.json',
            f'{_dir}/seeds.json',
            'part',
        )
        for _name in _direct:
            _more = (
                ' refiner.checkpoint={seeds}/' + f'levelset_s{_run}/epoch_4.pth'
                if _name == 'levelset'
                else ''
            )
            _scored(
                _name,
                f'{_refine}{_name}_voc8.py {_in} --out {_dir}/{_name} --cfg-options {_at}{_more}',
            )
        for _name, _net, _labels, _told, _read in (
            (
                'psa',
                'affinitynet',
                'psa-scores',
                '',
                'train_dataloader.dataset.pipeline.1.folder={}',
            ),
            (
                'irn',
                'irnet',
                'irn-labels',
                f' --cfg-options refiner.foreground={_t + _margin:.2f} '
                f'refiner.background={_t - _margin:.2f}',
                'train_dataloader.dataset.data_prefix.seg_map_path={}/labels',
            ),
        ):
            _targets, _trained = f'{_dir}/{_labels}', f'{_dir}/{_net}'
            _stage(
                f'{_labels}_{_id}',
                f'{_refine}{_labels}_voc8.py {_in} --out {_targets}{_told}',
                None,
                'part',
                _targets,
            )
            _stage(
                f'{_net}_{_id}',
                '{python} tools/train.py '
                + f'{_network.format(_net)} --work-dir {_trained} --resume '
                f'--cfg-options randomness.seed={_run} train_dataloader.dataset.ann_file={_part} '
                f'{_read.format(_targets)}',
                f'{_trained}/epoch_6.pth',
                f'{_labels}_{_id}',
                _trained,
            )
            _scored(
                _name,
                f'{_refine}{_name}-walk_voc8.py {_in} --out {_dir}/{_name} '
                f'--cfg-options {_at} refiner.checkpoint={_trained}/epoch_6.pth',
                f'{_net}_{_id}',
            )

for _run in _runs:
    for _arm, _t in _arms.items():
        _id = f'{_arm}_s{_run}'
        _dir, _seeds = '{work_dir}/' + _id, '{seeds}/' + f'{_id}/seeds'
        _out = f'{_dir}/model'
        _stage(
            f'irn-all_{_id}',  # goes on from the part
            f'{_refine}irn-walk_voc8.py --seeds {_seeds} --out {_dir}/irn --cfg-options '
            f'refiner.background.score={_t} refiner.checkpoint={_dir}/irnet/epoch_6.pth '
            f'&& {_score}{_dir}/irn/labels {_gt} --split {_split} --json {_dir}/irn/all.json',
            f'{_dir}/irn/all.json',
            f'irn_{_id}',
        )
        _stage(
            f'model_{_id}',
            '{python} tools/train.py ' + f'{_model} --work-dir {_out} --resume --cfg-options '
            f'randomness.seed={_run} '
            f'train_dataloader.dataset.data_prefix.seg_map_path={_dir}/irn/labels',
            f'{_out}/epoch_4.pth',
            f'irn-all_{_id}',
            _out,
        )
        for _file, _tta in (('single', ''), ('multi', ' --tta')):
            _stage(
                f'{_file}_{_id}',
                '{python} tools/test.py '
                + f'{_model} {_out}/epoch_4.pth --work-dir {_out}/{_file}{_tta}',
                f'{_out}/{_file}/metrics.json',
                f'model_{_id}',
            )

_free = {
    'mIoU': 'scores.mIoU',
    'boundary IoU': 'boundary.mBIoU',
    'trimap mIoU': 'boundary.trimap_mIoU@3',
}
_test = {'mIoU': 'mIoU', 'boundary IoU': 'boundary/mBIoU', 'trimap mIoU': 'boundary/trimap_mIoU@3'}
_rows = [('seeds', 'seeds.json', _free)]
_rows += [(_n, f'{_n}/labels.json', _free) for _n in (*_direct, 'psa', 'irn')]
_rows += [
    ('irn, all images', 'irn/all.json', _free),
    ('model on IRN, val, one scale', 'model/single/metrics.json', _test),
    ('model on IRN, val, 3 scales, flip, CRF', 'model/multi/metrics.json', _test),
]
table = [
    dict(
        arm=_arm,
        stage=_stage_name,
        metrics=['{work_dir}/' + f'{_arm}_s{_run}/{_file}' for _run in _runs],
        keys=_keys,
    )
    for _stage_name, _file, _keys in _rows
    for _arm in _arms
]
