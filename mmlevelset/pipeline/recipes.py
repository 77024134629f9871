"""The stages of image-level labels -> seeds -> pseudo-labels -> segmentation model, as one list.

Used by the configs of ``configs/pipeline``. Values in braces are filled in by
:class:`~mmlevelset.pipeline.scheduler.Pipeline` when the stages run.
"""

from pathlib import Path
from typing import Any, NamedTuple

Stages = list[dict[str, Any]]


class Data(NamedTuple):
    """Where a data set lies, from the repository root, and how ``check.py`` calls it."""

    name: str
    root: str
    masks: str  # of the images that seeds and pseudo-labels are scored on
    scored: str  # list of these images
    trained: str  # list of the images that get pseudo-labels, relative to root


DATA = dict(
    voc12=Data(
        name='voc',
        root='data/VOCdevkit/VOC2012',
        masks='SegmentationClass',
        scored='ImageSets/Segmentation/train.txt',
        trained='ImageSets/Segmentation/trainaug.txt',
    ),
    coco14=Data(
        name='coco',
        root='data/coco14',
        masks='SegmentationClass/train2014',
        scored='ImageSets/train.txt',
        trained='ImageSets/train.txt',
    ),
)
# Where the affinity network of each method looks for what it is trained on.
TARGETS = dict(
    psa='pipeline.1.folder={}',
    irn='data_prefix.seg_map_path={}/labels',
)
REGIONS = {'mIoU': 'scores.mIoU', 'oracle mIoU': 'scores.oracle_mIoU', 'BIoU': 'boundary.mBIoU'}
LABELS = {'mIoU': 'scores.mIoU', 'BIoU': 'boundary.mBIoU'}
MODEL = {'mIoU': 'mIoU', 'BIoU': 'boundary/mBIoU'}


def three_stages(
    data: str, arms: dict[str, dict[str, Any]], launch: dict[str, str], tables: str
) -> tuple[Stages, list[dict[str, Any]]]:
    """Build ``stages`` and ``table`` of a pipeline config.

    Args:
        data (str): ``'voc12'`` or ``'coco14'``.
        arms (dict): Of each arm, the folder below ``work_dir``:

            * ``seed``: ``(config, batch size)`` of the host;
            * ``threshold``: label-free background score of its seeds, ``'otsu'`` or a number;
            * ``refine`` (optional): ``dict(method='psa' | 'irn', targets=config, train=(config,
              batch size), walk=config, options={config: 'key=value ...'})``; an arm without it ends
              with its seeds;
            * ``model`` (optional): ``(config, batch size)`` of stage 3;
            * ``model_dir`` (optional): folder of stage 3, by default ``retrain``.
        launch (dict): ``train`` and ``test``: the config's commands, with ``{config}`` and
            ``{checkpoint}``.
        tables (str): Numbers of the paper's tables that the last stage prints.

    Returns:
        tuple: stages and table rows, see :mod:`~mmlevelset.pipeline.scheduler` and
        :mod:`~mmlevelset.pipeline.tables`.

    Raises:
        ValueError: An unknown data set or method.
    """
    if data not in DATA:
        raise ValueError(f'data must be one of {", ".join(DATA)}, got {data!r}')
    where = DATA[data]
    check = f'{{python}} tools/dataset_converters/check.py {where.name} {where.root}'
    stages: Stages = [dict(name='data', command=check, needs=[])]
    table, last = [], []
    for name, arm in arms.items():
        of_arm = _arm(name, arm, where, launch)
        stages += of_arm
        table += _rows(name, of_arm)
        last += [stage['name'] for stage in of_arm if stage['name'].startswith(('score', 'test'))]
    paper = '{work_dir}/paper_tables.md'
    compare = (
        '{python} tools/analysis_tools/compare_table.py --root $(dirname {work_dir}) --tables '
    )
    command = f'{compare}{tables} > {paper}'
    stages.append(dict(name='compare', command=command, done=paper, needs=last))
    return stages, table


def mctformer_arms(data: str, host: str, batch: int) -> dict[str, dict[str, Any]]:
    """The arms ``baseline`` and ``levelset`` of MCTformer-V2 and MCTformer+, which share all but the host.

    Args:
        data (str): ``'voc12'`` or ``'coco14'``.
        host (str): Its configs, ``configs/seed/<host>_<data>.py`` and ``<host>_levelset_<data>.py``.
        batch (int): Batch size of the host.

    Returns:
        dict: ``arms`` of :func:`three_stages`.
    """
    affinity = f'configs/refine/affinitynet_resnet38_mctformer_{data}.py'
    arms = {}
    for name, seed, method, threshold in (
        ('baseline', f'{host}_{data}', 'mctformer', 'otsu'),
        ('levelset', f'{host}_levelset_{data}', 'levelset', 0.5),
    ):
        arms[name] = dict(
            seed=(f'configs/seed/{seed}.py', batch),
            threshold=threshold,
            refine=dict(
                method='psa',
                targets=f'configs/refine/psa-scores_{method}_{data}.py',
                train=(affinity, 8),
                walk=f'configs/refine/psa-walk_{method}_{data}.py',
                # the classifier of PSA
                options={affinity: 'model.backbone.init_cfg.checkpoint=weights/res38_cls.pth'},
            ),
            model=(f'configs/retrain/largefov_resnet38_mctformer_{data}.py', 4),
        )
    return arms


def _arm(name: str, arm: dict[str, Any], where: Data, launch: dict[str, str]) -> Stages:
    folder = f'{{work_dir}}/{name}'
    config, batch = arm['seed']
    seeds, training = f'{folder}/seeds', f'{folder}/host'
    score = f'--config {config} --gt {where.root}/{where.masks} --split {where.root}/{where.scored}'
    stages = [
        _train(f'train_{name}', config, batch, training, 'seed_options', [], 'data', launch),
        dict(
            name=f'seeds_{name}',
            command=f'{_test(config, training, launch)} --work-dir {folder}/export --tta '
            f'--seeds-only {seeds} --cfg-options test_dataloader.dataset.ann_file={where.trained} '
            f'test_evaluator.split={Path(where.trained).stem} {{export_options}}',
            done=f'{seeds}/meta.json',
            makes=seeds,
            needs=[f'train_{name}'],
        ),
        dict(
            name=f'score_seeds_{name}',
            command=f'{{python}} tools/eval_seeds.py {seeds} {score} --threshold '
            f'{arm["threshold"]} --json {folder}/seeds.json',
            done=f'{folder}/seeds.json',
            needs=[f'seeds_{name}'],
        ),
    ]
    if 'refine' in arm:
        labels, needs = f'{folder}/refined/labels', f'refine_{name}'
        stages += _refine(name, arm['refine'], folder, launch)
        stages.append(
            dict(
                name=f'score_labels_{name}',
                command=f'{{python}} tools/eval_seeds.py {labels} {score} '
                f'--json {folder}/labels.json',
                done=f'{folder}/labels.json',
                needs=[needs],
            )
        )
        if 'model' in arm:
            stages += _model(name, arm, labels, needs, launch)
    return stages


def _refine(name: str, refine: dict[str, Any], folder: str, launch: dict[str, str]) -> Stages:
    if refine['method'] not in TARGETS:
        raise ValueError(f'method must be one of {", ".join(TARGETS)}, got {refine["method"]!r}')
    config, batch = refine['train']
    targets, network = f'{folder}/targets', f'{folder}/affinity'
    feed = f'train_dataloader.dataset.{TARGETS[refine["method"]].format(targets)}'
    more = refine.get('options', {})
    tool = '{python} tools/refine.py {config} --seeds ' + f'{folder}/seeds --jobs {{jobs}} --out '
    make = f'{tool.replace("{config}", refine["targets"])}{targets}'
    if refine['targets'] in more:
        make += f' --cfg-options {more[refine["targets"]]}'
    walk = [
        f'refiner.config={config} refiner.checkpoint=$(cat {network}/last_checkpoint)',
        'refiner.device={device}',
    ]
    walk += [more[refine['walk']]] if refine['walk'] in more else []
    options = [feed, *([more[config]] if config in more else [])]
    affinity = _train(
        f'affinity_{name}',
        config,
        batch,
        network,
        'affinity_options',
        options,
        f'targets_{name}',
        launch,
    )
    return [
        dict(name=f'targets_{name}', command=make, makes=targets, needs=[f'seeds_{name}']),
        affinity,
        dict(
            name=f'refine_{name}',
            command=f'{tool.replace("{config}", refine["walk"])}{folder}/refined --cfg-options '
            + ' '.join(walk),
            makes=f'{folder}/refined',
            needs=[affinity['name']],
        ),
    ]


def _model(
    name: str, arm: dict[str, Any], labels: str, needs: str, launch: dict[str, str]
) -> Stages:
    config, batch = arm['model']
    folder = f'{{work_dir}}/{name}/{arm.get("model_dir", "retrain")}'
    options = [f'train_dataloader.dataset.data_prefix.seg_map_path={labels}']
    return [
        _train(f'retrain_{name}', config, batch, folder, 'model_options', options, needs, launch),
        dict(
            name=f'test_{name}',
            command=f'{_test(config, folder, launch)} --work-dir {folder}/test --tta '
            '--cfg-options {test_options}',
            done=f'{folder}/test/metrics.json',
            needs=[f'retrain_{name}'],
        ),
    ]


def _train(
    name: str,
    config: str,
    batch: int,
    folder: str,
    extra: str,
    options: list[str],
    needs: str,
    launch: dict[str, str],
) -> dict[str, Any]:
    """A training; ``done`` is the file that mmengine writes with each checkpoint."""
    share = f'train_dataloader.batch_size=$(({batch}/({{gpus}}*{{nodes}})))'
    words = [
        launch['train'].replace('{config}', config),
        f'--work-dir {folder} --resume --cfg-options',
        share,
        *options,
        f'{{{extra}}}',
    ]
    done = f'{folder}/last_checkpoint'
    return dict(name=name, command=' '.join(words), done=done, makes=folder, needs=[needs])


def _test(config: str, training: str, launch: dict[str, str]) -> str:
    command = launch['test'].replace('{config}', config)
    return command.replace('{checkpoint}', f'$(cat {training}/last_checkpoint)')


def _rows(name: str, stages: Stages) -> list[dict[str, Any]]:
    written = dict(
        score_seeds=('seeds, train', REGIONS),
        score_labels=('pseudo-labels, train', LABELS),
        test=('model, val', MODEL),
    )
    done = {stage['name'].removesuffix(f'_{name}'): stage.get('done') for stage in stages}
    return [
        dict(arm=name, stage=label, metrics=done[stage], keys=keys)
        for stage, (label, keys) in written.items()
        if stage in done
    ]
