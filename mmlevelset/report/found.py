"""What the work folder of a pipeline holds: trainings, scores, maps, stages and settings."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmlevelset.fileio.meta import META, read_meta
from mmlevelset.fileio.text import read_json

SCALARS = 'vis_data/scalars.json'  # mmengine's names
STEPS = ('epoch', 'iter', 'step')
RESULTS = 'results.json'  # of tools/pipeline.py
RANDOM_SEED = re.compile(
    r'_s\d+$'
)  # end of an arm's name where a pipeline has several random seeds


class Training(NamedTuple):
    """The logged numbers of one training."""

    name: str  # its folder, from the work folder
    scalars: dict[str, list[tuple[int, float]]]  # name -> (iteration, value)


class Scores(NamedTuple):
    """What ``tools/eval_seeds.py`` found for one folder of seeds or label maps; all in per cent."""

    name: str  # the file, from the work folder, without suffix
    arm: str  # the same without the random seed
    threshold: float | None  # label-free background score, of seeds
    regions: dict[str, float | None]  # mIoU, oracle_mIoU, IoU.<class>, …
    boundary: dict[str, float | None]  # mBIoU, BIoU.<class>, …
    sweep: list[tuple[float, float]]  # (threshold, mIoU), of seeds

    def classes(self, kind: str) -> dict[str, float | None]:
        """Scores of the classes, ``'IoU'`` or ``'BIoU'``."""
        numbers = self.regions if kind == 'IoU' else self.boundary
        return {k.partition('.')[2]: v for k, v in numbers.items() if k.startswith(f'{kind}.')}


class Maps(NamedTuple):
    """A folder of seeds or of label maps."""

    name: str  # the folder, from the work folder
    folder: Path
    meta: dict[str, Any]

    @property
    def seeds(self) -> dict[str, Any]:
        """The ``meta.json`` of the seeds: of these, or of those that the label maps were made from."""
        return self.meta if self.meta['kind'] == 'seeds' else self.meta.get('seeds') or {}

    @property
    def level_set(self) -> bool:
        """Whether level sets went into the maps."""
        return self.seeds.get('seed_source') in ('phi', 'fused')


class StageTime(NamedTuple):
    """One stage, in the order in which they finished; no seconds for one that has not."""

    name: str
    seconds: float | None


class Found(NamedTuple):
    """All that a report shows, and what it had to leave out."""

    work_dir: Path
    results: dict[str, Any] | None  # config, rows and versions, of results.json
    trainings: list[Training]
    scores: list[Scores]
    maps: list[Maps]
    stages: list[StageTime]
    missing: list[str]


def search(work_dir: str | Path) -> Found:
    """Read the work folder of a pipeline, finished or not.

    Raises:
        FileNotFoundError: There is no such folder, or no pipeline has run in it.
    """
    work_dir, missing = Path(work_dir), list[str]()
    if not (work_dir / '.done').is_dir():
        raise FileNotFoundError(
            f'{work_dir}: expected the work folder of a pipeline, which has a folder .done; give '
            'the work_dir that tools/pipeline.py printed'
        )
    paths = list(_files(work_dir))
    results = _results(work_dir / RESULTS, missing)
    trainings = _trainings([p for p in paths if p.match(SCALARS)], work_dir)
    scores = [s for p in paths if p.suffix == '.json' for s in _scores(p, work_dir)]
    maps = [m for p in paths if p.name == META for m in _maps(p.parent, work_dir, missing)]
    stages = _stages(work_dir)
    unfinished = [stage.name for stage in stages if stage.seconds is None]
    if unfinished:
        missing.append(f'Stages that began and have not finished: {", ".join(unfinished)}.')
    for what, found in (('training curves', trainings), ('scores of seeds or labels', scores)):
        if not found:
            missing.append(f'No {what}: no stage has written any yet.')
    return Found(work_dir, results, trainings, scores, maps, stages, missing)


def _files(work_dir: Path) -> Iterator[Path]:
    """All files in the order of their names; not those of runs that were set aside, nor hidden ones."""
    for folder, below, names in os.walk(work_dir):
        below[:] = sorted(name for name in below if name[0] != '.' and not name.endswith('.old'))
        yield from (Path(folder, name) for name in sorted(names) if name[0] != '.')


def _results(path: Path, missing: list[str]) -> dict[str, Any] | None:
    if path.is_file():
        return read_json(path)
    missing.append(f'No result table: {path.name} is written when the last stage has finished.')
    return None


def _trainings(paths: list[Path], work_dir: Path) -> list[Training]:
    """One training a folder; where one was resumed, the later numbers of an iteration count."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    # <training>/<time>/vis_data/scalars.json
    for path in sorted(paths, key=lambda path: path.parents[1].name):
        name = path.parents[2].relative_to(work_dir).as_posix()
        for record in _records(path):
            for key, value in record.items():
                if isinstance(value, int | float) and key not in STEPS:
                    scalars = found.setdefault(name, {})
                    scalars.setdefault(key, {})[record['iter']] = float(value)
    return [
        Training(name, {key: sorted(points.items()) for key, points in scalars.items()})
        for name, scalars in found.items()
    ]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """What a training logged, one record an interval."""
    for line in path.read_text(encoding='utf-8').splitlines():
        try:
            record = json.loads(line)
        except ValueError:  # the last line of a training that was killed, or that still runs
            continue
        if 'iter' in record:  # not those of a test
            yield record


def _scores(path: Path, work_dir: Path) -> list[Scores]:
    if path.name == META or path.name == RESULTS or path.parent.name == 'vis_data':
        return []
    content = read_json(path) if path.stat().st_size else {}
    if not isinstance(content, dict) or 'scores' not in content or 'boundary' not in content:
        return []
    name = path.relative_to(work_dir).with_suffix('').as_posix()
    first, _, rest = name.partition('/')
    sweep = content.get('sweep') or dict(thresholds=[], mIoU=[])
    return [
        Scores(
            name,
            '/'.join(filter(None, (RANDOM_SEED.sub('', first), rest))),
            content['scores'].get('threshold'),
            content['scores'],
            content['boundary'],
            list(zip(sweep['thresholds'], sweep['mIoU'], strict=True)),
        )
    ]


def _maps(folder: Path, work_dir: Path, missing: list[str]) -> list[Maps]:
    meta, name = read_meta(folder), folder.relative_to(work_dir).as_posix()
    if meta.get('kind') not in ('seeds', 'labels'):
        return []
    if not meta.get('complete'):
        missing.append(f'{name} is not complete, and is left out.')
        return []
    return [Maps(name, folder, meta)]


def _stages(work_dir: Path) -> list[StageTime]:
    done = {p.name: read_json(p) for p in (work_dir / '.done').iterdir() if p.name[0] != '.'}
    started = sorted(p.name for p in (work_dir / '.started').glob('[!.]*') if p.name not in done)
    return [
        *(
            StageTime(name, float(record['seconds']))
            for name, record in sorted(done.items(), key=lambda item: item[1]['finished'])
        ),
        *(StageTime(name, None) for name in started),
    ]
