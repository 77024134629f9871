"""Small data that a tool makes, one run of each variant, and a picture of the stages."""

from typing import Any

from .launch import Launch
from .parts import MODEL, SEED_SCORES, row, word
from .runs import Data, Run, picture_of


def one_run(
    launch: Launch,
    prepare: str,
    data_root: str,
    host: str,
    variants: dict[str, dict[str, Any]],
    model: str,
    picture: dict[str, Any],
    columns: list[str],
) -> dict[str, Any]:
    """Data, host, and of each variant: training, seeds, pseudo-labels, segmentation model; a picture.

    Args:
        launch (Launch): How trainings and tests are started.
        prepare (str): Tool that makes the data in a folder.
        data_root (str): That folder.
        host (str): Config that the variants start from.
        variants (dict): Name -> ``config`` and ``threshold``, the label-free background score of its
            seeds.
        model (str): Config of the segmentation model.
        picture (dict): ``variant`` and ``ids`` of the images that are drawn.
        columns (list[str]): Of the result table.

    Returns:
        dict: ``stages``, ``table`` and ``picture``.
    """
    data = Data(data_root)
    start = Run('host', host, 'otsu', data, launch)
    stages = [
        dict(name='data', command=f'{{python}} {word(prepare)} {word(data_root)}', needs=[]),
        start.train('host', None, ['data']),
    ]
    runs = {
        name: Run(name, variant['config'], variant['threshold'], data, launch)
        for name, variant in variants.items()
    }
    table = []
    for name, run in runs.items():
        seeds, folder = f'seeds_{name}', run.folder
        stages += [
            run.train(f'train_{name}', start.trained, ['host']),
            run.export(seeds, f'{folder}/test', f' --out {folder}/seeds', [], f'train_{name}'),
            run.score(f'score_seeds_{name}', 'seeds', seeds, threshold=True),
            run.labels(),
            *run.model(model),
        ]
        metrics = f'{folder}/retrain/test/metrics.json'
        table += [
            row(name, 'seeds, train', f'{folder}/seeds.json', SEED_SCORES, columns),
            row(name, 'model, val', metrics, MODEL, columns),
        ]
    stages.append(picture_of(runs[picture['variant']], picture['ids']))
    return dict(stages=stages, table=table, picture=stages[-1]['done'])
