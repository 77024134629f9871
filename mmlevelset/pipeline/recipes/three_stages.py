"""The published hosts: image-level labels -> seeds -> pseudo-labels -> segmentation model -> the paper's tables."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .launch import Launch
from .parts import FEEDS, Stages, last_checkpoint, options_of, row, texts_of, word, words
from .runs import Stage

Options = str | Sequence[str]  # one ``key=value``, or several


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
REGIONS = {'mIoU': 'scores.mIoU', 'oracle mIoU': 'scores.oracle_mIoU', 'BIoU': 'boundary.mBIoU'}
LABELS = {'mIoU': 'scores.mIoU', 'BIoU': 'boundary.mBIoU'}
MODEL = {'mIoU': 'mIoU', 'BIoU': 'boundary/mBIoU'}
ROWS = dict(
    score_seeds=('seeds, train', REGIONS),
    score_labels=('pseudo-labels, train', LABELS),
    test=('model, val', MODEL),
)


def three_stages(
    launch: Launch,
    data: str,
    variants: dict[str, dict[str, Any]],
    refiner: dict[str, Any],
    model: str,
    tables: list[str],
    model_dir: str = 'retrain',
    jobs: int = 8,
    device: str = 'cuda',
    seed_options: Options = (),
    export_options: Options = (),
    affinity_options: Options = (),
    model_options: Options = (),
    test_options: Options = (),
) -> dict[str, Any]:
    """Of each variant: training, seeds, affinity network, pseudo-labels, segmentation model.

    Args:
        launch (Launch): How trainings and tests are started.
        data (str): ``'voc12'`` or ``'coco14'``.
        variants (dict): Name -> ``seeds``, the config of the host; ``threshold``, the label-free
            background score of its seeds, ``'otsu'`` or a number; ``targets`` and ``walk``, configs of
            the refiner, without which the variant ends with its seeds; ``walk_options`` (optional). Or
            ``network_of``, another variant whose affinity network walks with ``walk`` and
            ``walk_options`` once more: an extra row of pseudo-labels.
        refiner (dict): ``method``, ``'psa'`` or ``'irn'``; ``network``, the config of the affinity
            network.
        model (str): Config of the segmentation model.
        tables (list[str]): Numbers of the paper's tables that the last stage prints.
        model_dir (str): Folder of the segmentation model.
        jobs (int): Processes of ``tools/refine.py``.
        device (str): Of the networks in ``tools/refine.py``.
        seed_options (Options): More ``key=value`` for the trainings of the hosts, a batch size as the whole one,
        export_options (Options): for the exports of seeds,
        affinity_options (Options): for the trainings of the affinity networks,
        model_options (Options): for those of the segmentation models,
        test_options (Options): and for their tests.

    Returns:
        dict: ``stages`` and ``table``.

    Raises:
        ValueError: An unknown data set or method.
    """
    method = refiner['method']
    if data not in DATA or method not in FEEDS:
        raise ValueError(
            f'data must be one of {", ".join(DATA)} and method one of {", ".join(FEEDS)}, got {data!r} '
            f'and {method!r}'
        )
    where = DATA[data]
    check = f'{{python}} tools/dataset_converters/check.py {where.name} {where.root}'
    stages: Stages = [dict(name='data', command=check, needs=[])]
    table, last = [], []
    for name, variant in variants.items():
        of = variants[variant['network_of']] if 'network_of' in variant else variant
        parts = _Variant(name, variant, variant.get('network_of', name), of['seeds'], where, launch)
        part: Stages = []
        if of is variant:
            part += parts.seeds(texts_of(seed_options), texts_of(export_options))
            if 'walk' in variant:
                part += parts.network(refiner, texts_of(affinity_options), jobs)
        if 'walk' in variant:
            part += parts.labels(refiner['network'], jobs, device)
            if of is variant:
                part += parts.model(
                    model, model_dir, texts_of(model_options), texts_of(test_options)
                )
        done = {s['name'].removesuffix(f'_{name}'): s['done'] for s in part if 'done' in s}
        table += [
            row(name, label, done[stage], keys, keys)
            for stage, (label, keys) in ROWS.items()
            if stage in done
        ]
        last += [stage['name'] for stage in part if stage['name'].startswith(('score', 'test'))]
        stages += part
    stages.append(_compare(tables, last))
    return dict(stages=stages, table=table)


def _compare(tables: list[str], needs: list[str]) -> Stage:
    paper = '{work_dir}/paper_tables.md'
    command = (
        '{python} tools/analysis_tools/compare_table.py --root "$(dirname {work_dir})" '
        f'--tables {words(tables)} > {paper}'
    )
    return dict(name='compare', command=command, done=paper, needs=needs)


class _Variant(NamedTuple):
    name: str
    variant: dict[str, Any]
    network_of: str
    config: str  # of the host
    where: Data
    launch: Launch

    @property
    def folder(self) -> str:
        return f'{{work_dir}}/{self.name}'

    @property
    def base(self) -> str:
        """The folder with seeds and affinity network."""
        return f'{{work_dir}}/{self.network_of}'

    @property
    def masks(self) -> str:
        root = self.where.root
        split = f'{root}/{self.where.scored}'
        return f'--config {word(self.config)} --gt {root}/{self.where.masks} --split {split}'

    def train(
        self, kind: str, config: str, folder: str, options: Sequence[str], needs: str
    ) -> Stage:
        """A training; ``done`` is the file that mmengine writes with each checkpoint."""
        name = f'{kind}_{self.name}'
        command = self.launch.train(name, config, folder, options)
        done = f'{folder}/last_checkpoint'
        return dict(name=name, command=command, done=done, makes=folder, needs=[needs])

    def score(self, what: str, json: str, needs: str, cut: str = '') -> Stage:
        done = f'{self.folder}/{json}.json'
        command = f'{{python}} tools/eval_seeds.py {what} {self.masks}{cut} --json {done}'
        return dict(name=f'score_{json}_{self.name}', command=command, done=done, needs=[needs])

    def seeds(self, training: list[str], export: list[str]) -> Stages:
        """Training, seeds of all training images, and their score."""
        seeds, host, name = f'{self.folder}/seeds', f'{self.folder}/host', f'seeds_{self.name}'
        trained = self.where.trained
        options = [
            f'test_dataloader.dataset.ann_file={trained}',
            *export,
        ]
        rest = f'--work-dir {self.folder}/export --tta --seeds-only {seeds}{options_of(*options)}'
        command = self.launch.test(name, self.config, last_checkpoint(host), rest)
        cut = f' --threshold {self.variant["threshold"]}'
        return [
            self.train('train', self.config, host, training, 'data'),
            dict(
                name=name,
                command=command,
                done=f'{seeds}/meta.json',
                makes=seeds,
                needs=[f'train_{self.name}'],
            ),
            self.score(seeds, 'seeds', name, cut),
        ]

    def network(self, refiner: dict[str, Any], training: list[str], jobs: int) -> Stages:
        """What the affinity network is trained on, and its training."""
        targets, name = f'{self.folder}/targets', f'targets_{self.name}'
        options = [FEEDS[refiner['method']].format(targets), *training]
        network, folder = refiner['network'], f'{self.folder}/affinity'
        return [
            dict(
                name=name,
                command=self.refine(self.variant['targets'], targets, jobs),
                makes=targets,
                needs=[f'seeds_{self.name}'],
            ),
            self.train('affinity', network, folder, options, name),
        ]

    def labels(self, network: str, jobs: int, device: str) -> Stages:
        """The random walk, and the score of its labels."""
        refined, name = f'{self.folder}/refined', f'refine_{self.name}'
        options = options_of(f'refiner.config={network}')
        checkpoint = f'refiner.checkpoint={last_checkpoint(f"{self.base}/affinity")}'
        more = [f'refiner.device={device}', *texts_of(self.variant.get('walk_options', ()))]
        walk = self.refine(self.variant['walk'], refined, jobs)
        return [
            dict(
                name=name,
                command=f'{walk}{options} {checkpoint} {words(more)}',
                makes=refined,
                needs=[f'affinity_{self.network_of}'],
            ),
            self.score(f'{refined}/labels', 'labels', name),
        ]

    def model(self, config: str, model_dir: str, training: list[str], testing: list[str]) -> Stages:
        """Training and test of the segmentation model."""
        labels, folder = f'{self.folder}/refined/labels', f'{self.folder}/{model_dir}'
        options = [f'train_dataloader.dataset.data_prefix.seg_map_path={labels}', *training]
        name = f'test_{self.name}'
        rest = f'--work-dir {folder}/test --tta{options_of(*testing)}'
        return [
            self.train('retrain', config, folder, options, f'refine_{self.name}'),
            dict(
                name=name,
                command=self.launch.test(name, config, last_checkpoint(folder), rest),
                done=f'{folder}/test/metrics.json',
                needs=[f'retrain_{self.name}'],
            ),
        ]

    def refine(self, config: str, out: str, jobs: int) -> str:
        return (
            f'{{python}} tools/refine.py {word(config)} --seeds {self.base}/seeds --jobs {jobs} '
            f'--out {out}'
        )
