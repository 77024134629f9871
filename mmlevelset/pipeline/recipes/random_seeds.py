"""Small data, several variants of a host, several random seeds of each."""

from collections.abc import Sequence
from typing import Any

from .launch import Launch
from .parts import (
    MODEL,
    ORACLE_EXPORT,
    ORACLE_SCORES,
    SCORES,
    SEED_SCORES,
    Stages,
    backbone_of,
    check_names,
    seeded_row,
    texts_of,
)
from .runs import Data, Run, Stage

VAL = ['test_dataloader.dataset.ann_file=ImageSets/Segmentation/val.txt']
ORDERS = ('variant', 'random_seed')
OURS = ('host', 'backbone')  # folders and stages of these names are the hosts'
NEEDED, OPTIONAL = (
    {'config', 'source', 'threshold'},
    {'like', 'options', 'exported', 'network', 'guide'},
)


def random_seeds(
    launch: Launch,
    data_root: str,
    classes: list[str],
    random_seeds: list[int],
    host: str,
    variants: dict[str, dict[str, Any]],
    columns: list[str],
    host_backbone: str | None = None,
    images: str | None = None,
    order: str = 'variant',
    left_out: Sequence[str] = (),
    own_cam: Sequence[str] = (),
    retrained: Sequence[str] = (),
    model: str | None = None,
) -> dict[str, Any]:
    """Of each random seed, a host; of each variant, its training and the seeds of train and val.

    Args:
        launch (Launch): How trainings and tests are started.
        data_root (str): Folder of a data set in VOC's layout.
        classes (list[str]): Names, the background first.
        random_seeds (list[int]): Of all trainings.
        host (str): Config that the variants start from.
        variants (dict): Name, but not host or backbone -> ``config``; ``source``, what becomes the seed,
            ``'phi'`` or ``'cam'``; ``threshold``, the label-free background score of its seeds; ``options``
            (optional), what differs from the config, ``key=value`` each; ``exported`` (optional), a list of
            ``ImageSets/Segmentation`` that holds the scored images, all of whose seeds are made, masks or not.
            Guides and prototypes need the list that the configs train on. ``like`` names another variant for
            what is not said, one that is like none itself.
            Of an earlier variant, ``network`` names the one whose trained network is exported in the place
            of an own, by the ``cam_method`` of the config say, or ``guide`` the one whose seeds the level
            set is trained on.
        columns (list[str]): Of the result table.
        host_backbone (str, optional): Config of another host, trained first, whose backbone the host
            starts from.
        images (str, optional): List of ``ImageSets/Segmentation`` that hosts and variants train on and
            whose seeds are scored, in the place of those of the configs. It may lack classes that the
            images of val show, so that these have no seeds then.
        order (str): What the stages go through first: all random seeds of a ``'variant'``, or all
            variants of a ``'random_seed'``.
        left_out (Sequence[str]): Variants that are not run, for want of time.
        own_cam (Sequence[str]): Variants whose own CAM is tested as well.
        retrained (Sequence[str]): Variants that go on to pseudo-labels and the model.
        model (str, optional): Config of the segmentation model.

    Returns:
        dict: ``stages`` and ``table``.

    Raises:
        ValueError: Another order, unknown variants, a text in the place of a list, a variant with the host's
            name, variants that say too little or what is not known, prototypes without a network, variants to
            retrain without a model, or see :func:`_check_lists`.
    """
    variants = _checked(variants, left_out, own_cam, retrained)
    if order not in ORDERS or (retrained and model is None):
        raise ValueError(
            f'order must be one of {", ".join(ORDERS)}, and retrained variants need a model; got '
            f'{order!r}, model={model!r}'
        )
    _check_lists(variants, images, retrained)
    data = Data(data_root, tuple(classes), images)
    hosts = {
        seed: Run(f'host_s{seed}', host, 'otsu', data, launch, (f'randomness.seed={seed}',))
        for seed in random_seeds
    }
    first = {seed: _hosts(run, host_backbone, seed) for seed, run in hosts.items()}

    def listed(name: str) -> list[str]:
        exported = variants[name].get('exported')
        return (
            [f'test_dataloader.dataset.ann_file=ImageSets/Segmentation/{exported}']
            if exported
            else []
        )

    def run_of(name: str, seed: int) -> Run:
        variant = variants[name]
        others = {key: run_of(variant[key], seed) for key in ('network', 'guide') if key in variant}
        return Run(
            f'{name}_s{seed}',
            variant['config'],
            variant['threshold'],
            data,
            launch,
            hosts[seed].seeded,
            tuple(texts_of(variant.get('options', ()))),
            **others,
        )

    def stages_of(name: str, seed: int) -> Stages:
        run, source = run_of(name, seed), variants[name]['source']
        if run.prototypes and not run.network:
            raise ValueError(
                f'the variant {name} reads prototypes, which are made of the seeds of a trained network: '
                'give it network=..., the name of an earlier variant'
            )
        others = listed(variants[name].get('network', name))
        stages = [*run.start(hosts[seed], others, seed), *_seeds(run, source, listed(name))]
        if images is None:  # images that no choice was made on
            stages += _seeds(run, source, VAL, 'val')
        if name in own_cam:
            stages.append(_export(run, 'cam', 'cam', 'otsu', []))
        if name in retrained:
            labels = run.labels()
            score = run.score(f'score_labels_{run.name}', 'labels', labels['name'])
            stages += [labels, score, *run.model(str(model))]
        return stages

    if order == 'variant':
        stages = [s for trainings in first.values() for s in trainings]
        stages += [s for name in variants for seed in random_seeds for s in stages_of(name, seed)]
    else:
        stages = []
        for seed in random_seeds:
            stages += [*first[seed], *(s for name in variants for s in stages_of(name, seed))]
    scored_val = variants if images is None else ()
    rows = (
        ('seeds, oracle threshold', 'seeds.json', ORACLE_SCORES, variants),
        ('seeds, label-free threshold', 'seeds.json', SEED_SCORES, variants),
        ('seeds of val, oracle threshold', 'val_seeds.json', ORACLE_SCORES, scored_val),
        ('seeds of val, label-free threshold', 'val_seeds.json', SEED_SCORES, scored_val),
        ('CAM of the same network, oracle', 'test_cam/metrics.json', ORACLE_EXPORT, own_cam),
        ('pseudo-labels', 'labels.json', SCORES, retrained),
        ('model, val', 'retrain/test/metrics.json', MODEL, retrained),
    )
    table = [
        seeded_row(name, stage, random_seeds, file, numbers, columns)
        for stage, file, numbers, names in rows
        for name in names
    ]
    return dict(stages=stages, table=table)


def _hosts(host: Run, backbone: str | None, seed: int) -> Stages:
    if backbone is None:
        return [host.train(host.name, None, [])]
    other = host._replace(name=f'backbone_s{seed}', config=backbone)
    changed = backbone_of(backbone, other.trained, host.config)
    host = host._replace(changed=tuple(changed))
    return [other.train(other.name, None, []), host.train(host.name, None, [other.name])]


def _checked(
    variants: dict[str, dict[str, Any]],
    left_out: Sequence[str],
    own_cam: Sequence[str],
    retrained: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """The variants that are run, with what those that they are like say.

    Raises:
        ValueError: Something names an unknown variant, one that is left out, or a later one, or is no list; or
            a variant has the host's name, says too little, or what is not known.
    """
    for key, names in dict(left_out=left_out, own_cam=own_cam, retrained=retrained).items():
        check_names(key, names)
    if taken := set(OURS) & set(variants):
        raise ValueError(f'a variant must not be named {taken.pop()}, as the host is: rename it')
    unknown = {*left_out, *(v['like'] for v in variants.values() if 'like' in v)} - set(variants)
    found = {
        name: {**variants.get(v.get('like', ''), {}), **v}
        for name, v in variants.items()
        if name not in left_out
    }
    earlier: set[str] = set()
    for name, v in found.items():
        unknown |= {v[key] for key in ('network', 'guide') if key in v} - earlier
        earlier.add(name)
    unknown |= {*own_cam, *retrained} - earlier
    if unknown:
        raise ValueError(
            'like and left_out must name variants, own_cam and retrained some that are not left out, network '
            f'and guide earlier ones of these; got {sorted(unknown)}, the variants {list(found)}'
        )
    for name, v in found.items():
        if not NEEDED <= set(v) <= NEEDED | OPTIONAL or {'network', 'guide'} <= set(v):
            raise ValueError(
                f'the variant {name} says {sorted(v)}, itself or by the one that it is like; expected '
                f'{sorted(NEEDED)}, and of {sorted(OPTIONAL)} what it needs: a network or a guide, not both, '
                'as one that takes the network of another trains nothing'
            )
    return found


def _check_lists(
    variants: dict[str, dict[str, Any]], images: str | None, retrained: Sequence[str]
) -> None:
    """Look for lists that some stage would miss, or two that say different things.

    Raises:
        ValueError: Seeds that others learn from are not made of all images, or a list stands beside ``images``.
    """
    exporting = [name for name, v in variants.items() if v.get('exported')]
    if images is not None and (retrained or exporting):
        raise ValueError(
            f'got images={images!r}, retrained={list(retrained)} and exported of {exporting}: the model trains '
            'on the list of its own config, and the seeds are those of images; leave one of them out'
        )
    read = {v['guide'] for v in variants.values() if 'guide' in v} - set(exporting)
    if images is None and read:
        raise ValueError(
            'a guide needs the seeds of all images that are trained on; got neither images nor exported of '
            f'{sorted(read)}: set exported there to the list that the configs train on'
        )


def _seeds(run: Run, source: str, listed: list[str], split: str = 'train') -> Stages:
    """Seeds of the listed images, or of those of the config, and their score on a list of the data set."""
    kind, what, end = ('val', 'val_seeds', 'val_') if split == 'val' else ('seeds', 'seeds', '')
    seeds = f'{run.folder}/{what}'
    only = bool(listed) and split == 'train'  # a longer list, some of whose images have no mask
    out = f'--seeds-only {seeds}' if only else f'--out {seeds}'
    made = _export(run, kind, source, run.threshold, listed, out)
    if only:
        made['done'] = f'{seeds}/meta.json'
    if run.network:  # no training of its own has moved older ones away
        made['makes'] = seeds
    name = f'score_{end}{run.name}'
    return [made, run.score(name, what, made['name'], threshold=True, split=split)]


def _export(
    run: Run,
    kind: str,
    source: str,
    threshold: str | float,
    more: list[str],
    out: str = '',
) -> Stage:
    folder = f'{run.folder}/test' if kind == 'seeds' else f'{run.folder}/test_{kind}'
    words = f' {out}' if out else ''
    chosen = [f'test_evaluator.threshold={threshold}', f'tta_model.seed_source={source}']
    name = f'{kind}_{run.name}'
    return run.export(name, folder, words, [*chosen, *more], run.ready)
