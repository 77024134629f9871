"""A user's own images: host, level set, seeds, pseudo-labels, segmentation model; no mask is needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmlevelset.evaluation.thresholds import parse_threshold
from mmlevelset.fileio.ids import read_split

from .launch import Launch
from .parts import MODEL, SEED_SCORES, Stages, backbone_of, check_names, config_of, row
from .runs import Data, Run, picture_of

COLUMNS = ('mIoU', 'oracle mIoU', 'boundary IoU')


def own_data(
    launch: Launch,
    data_root: str,
    classes: list[str],
    host: str,
    levelset: str,
    model: str,
    threshold: str | float = 0.5,
    model_from_host: bool = False,
    scored: Sequence[str] = (),
    picture: Sequence[str] = (),
) -> dict[str, Any]:
    """Check of the data, host, level set, seeds, pseudo-labels, segmentation model, and a picture.

    Masks are read by the evaluation of the lists in ``scored`` alone. Where ``val`` is none of
    them, the model writes its predictions of ``val`` as label maps.

    Args:
        launch (Launch): How trainings and tests are started.
        data_root (str): Folder of a data set in VOC's layout.
        classes (list[str]): Names, the background first.
        host (str): Config of the classifier that makes the CAMs.
        levelset (str): Config that goes on from it.
        model (str): Config of the segmentation model.
        threshold (str | float): Label-free background score of the seeds, ``'otsu'`` or a number.
        model_from_host (bool): Whether the model starts from the backbone of the host, in the place of its config's
            weights; both are then of one kind.
        scored (Sequence[str]): Of ``train`` and ``val``, those whose images all have masks.
        picture (Sequence[str]): Ids of the training images that are drawn; none: no picture.

    Returns:
        dict: ``stages``, and ``table`` and ``picture`` where there are any.

    Raises:
        FileNotFoundError: ``threshold`` is a file that is not there.
        ValueError: ``scored`` names another list, ``threshold`` is no rule, an id of ``picture`` is not in the list
            of the level set's test, or the backbone of the model is not of the host's kind.
    """
    parse_threshold(threshold)
    if not set(scored) <= {'train', 'val'}:
        raise ValueError(f"scored must name 'train', 'val' or both, got {list(scored)}")
    if not isinstance(model_from_host, bool):
        raise ValueError(f'model_from_host must be True or False, got {model_from_host!r}')
    check_names('picture', picture)
    data = Data(data_root, tuple(classes))
    listed = Path(data_root) / config_of(levelset).test_dataloader.dataset.ann_file
    if listed.is_file() and (lost := set(picture) - set(read_split(listed))):
        raise ValueError(f'picture names {sorted(lost)}, which {listed} does not list')
    start = Run('host', host, 'otsu', data, launch)
    run = Run('levelset', levelset, threshold, data, launch)
    first = backbone_of(host, start.trained, model) if model_from_host else []
    check = f'{{python}} tools/dataset_converters/check.py own {data.file()}{data.named}'
    seeds = f' --seeds-only {run.folder}/seeds'
    stages: Stages = [
        dict(name='check', command=check, needs=[]),
        start.train('host', None, ['check']),
        run.train('train_levelset', start.trained, ['host']),
        run.export('seeds_levelset', f'{run.folder}/test', seeds, [], 'train_levelset'),
        run.labels(),
        *run.model(model, 'val' in scored, first),
    ]
    table = []
    if 'train' in scored:
        stages.append(run.score('score_seeds', 'seeds', 'seeds_levelset', threshold=True))
        table.append(row('levelset', 'seeds, train', stages[-1]['done'], SEED_SCORES, COLUMNS))
    if 'val' in scored:
        metrics = f'{run.folder}/retrain/test/metrics.json'
        table.append(row('levelset', 'model, val', metrics, MODEL, COLUMNS))
    found: dict[str, Any] = dict(stages=stages)
    if table:
        found['table'] = table
    if picture:
        stages.append(picture_of(run, picture))
        found['picture'] = stages[-1]['done']
    return found
