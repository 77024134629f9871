"""Seeds of another pipeline through each refiner, with several random seeds, and a model on the labels of one."""

from collections.abc import Sequence
from typing import Any

from .launch import Launch
from .parts import FEEDS, MODEL, SCORES, SEED_SCORES, Stages, check_names, seeded_row
from .refined import PART, Models, Refined
from .runs import Data

# What a refiner may be beside the path of a config: see `refiners`.
KINDS = ({'config', 'variant'}, {'config', 'after'}, {'targets', 'network', 'walk'})


def refiners(
    launch: Launch,
    seeds: str,
    data_root: str,
    classes: list[str],
    every: int,
    random_seeds: list[int],
    variants: list[str],
    refiners: dict[str, str | dict[str, Any]],
    columns: list[str],
    models: dict[str, Any] | None = None,
    left_out: Sequence[str] = (),
    images: str | None = None,
) -> dict[str, Any]:
    """Of each variant and random seed: every refiner on a part of the images, then all images and a model.

    Args:
        launch (Launch): How trainings and tests are started.
        seeds (str): Work folder of the pipeline that made ``<variant>_s<random seed>/seeds``, and
            ``seeds.json`` there, whose label-free threshold is the background score of everything here.
        data_root (str): Folder of a data set in VOC's layout.
        classes (list[str]): Names, the background first.
        every (int): The refiners are compared on every so many-th training image.
        random_seeds (list[int]): Of the seeds, and of the trainings here.
        variants (list[str]): Their names.
        refiners (dict): Name -> config, or ``dict(config, variant)`` of one that takes the network of a
            variant in ``seeds``, or ``dict(config, after)`` of one that takes the maps of another refiner,
            or ``dict(targets, network, walk)``, the configs of one that trains a network; ``targets`` and
            ``walk`` may be one for all, or variant -> config.
        columns (list[str]): Of the result table.
        models (dict, optional): See :class:`Models`. Default: the refiners alone.
        left_out (Sequence[str]): Refiners that are not run, for want of time.
        images (str, optional): Their list in ``ImageSets/Segmentation``, in the place of ``train.txt``.

    Returns:
        dict: ``stages`` and ``table``.

    Raises:
        FileNotFoundError: The data set is there, and the list of the models is not.
        ValueError: ``left_out`` or ``variants`` is no list or names what is not there; ``every`` is no count; a
            refiner that trains a network is called neither psa nor irn, the models ask for another one, or a
            refiner comes after one that is not there, or says something else.
    """
    check_names('left_out', left_out)
    check_names('variants', variants)
    if not isinstance(every, int) or every < 1:
        raise ValueError(
            f'every must be an integer from 1 on, got {every!r}: 2 takes every second image'
        )
    if lost := set(left_out) - set(refiners):
        raise ValueError(f'left_out must name refiners of {list(refiners)}, got {sorted(lost)}')
    refiners = {name: one for name, one in refiners.items() if name not in left_out}
    for name, one in refiners.items():
        if isinstance(one, dict) and set(one) not in KINDS:
            raise ValueError(
                f'the refiner {name} says {sorted(one)}, expected one of {[sorted(kind) for kind in KINDS]}, or '
                'the path of a config'
            )
        own = [v for v in one.values() if isinstance(v, dict)] if isinstance(one, dict) else []
        for configs in own:
            if lost := set(variants) - set(configs):
                raise ValueError(
                    f'the refiner {name} needs a config of each of {variants}, got those of {list(configs)}: add '
                    f'{sorted(lost)} to its targets and its walk, or choose other variants'
                )
    trained = {
        name: one for name, one in refiners.items() if isinstance(one, dict) and 'network' in one
    }
    trainings = None if models is None else Models.read(models)
    walked = trainings.refiner if trainings else ''
    if not set(trained) <= set(FEEDS) or (trainings and walked not in trained):
        raise ValueError(
            f'the refiners with a network must be among {", ".join(FEEDS)} and that of the models one of '
            f'them, got {list(trained)} and {walked!r}'
        )
    later = {
        name: one for name, one in refiners.items() if isinstance(one, dict) and 'after' in one
    }
    if lost := {one['after'] for one in later.values()} - (set(refiners) - set(later)):
        raise ValueError(
            f'`after` must name one of the refiners {sorted(set(refiners) - set(later))}, got {sorted(lost)}'
        )
    data = Data(data_root, tuple(classes), images)
    if trainings:
        trainings.check_list(data)
    part = f'{{python}} tools/misc/thin_split.py {data.train_list} {PART} --every {every}'
    stages: Stages = [dict(name='part', command=part, needs=[])]
    runs = [
        Refined(variant, seed, seeds, data, launch) for seed in random_seeds for variant in variants
    ]
    for run in runs:
        stages.append(run.seeds())
        for name, refiner in refiners.items():
            if name in trained:
                stages += run.trained(name, trained[name])
            elif name not in later:
                stages.append(run.direct(name, refiner))
        if trainings:
            stages += run.all_images(trained[walked], trainings)
        for name, one in later.items():
            stages.append(run.after(name, one, walked, run.by_rule(refiners[one['after']])))
    table = _table(variants, random_seeds, refiners, models, columns)
    return dict(stages=stages, table=table)


def _table(
    variants: list[str],
    random_seeds: list[int],
    refiners: dict[str, Any],
    models: dict[str, Any] | None,
    columns: list[str],
) -> list[dict[str, Any]]:
    rows = [
        ('seeds', 'seeds.json', SEED_SCORES),
        *((name, f'{name}/labels.json', SCORES) for name in refiners),
    ]
    if models:
        chosen = models['refiner']
        rows += [
            (f'{chosen}, {models.get("images") or "all images"}', f'{chosen}/all.json', SCORES),
            *(
                (
                    f'{name} on {chosen.upper()}, val, {scales}',
                    f'{name}/{folder}/metrics.json',
                    MODEL,
                )
                for name in models['configs']
                for folder, scales in dict(single='one scale', multi='3 scales, flip, CRF').items()
            ),
        ]
    return [
        seeded_row(variant, stage, random_seeds, file, numbers, columns)
        for stage, file, numbers in rows
        for variant in variants
    ]
