"""The page itself: one HTML file that needs nothing else, no network either."""

import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

import jinja2
from markupsafe import Markup

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.versions import versions
from mmlevelset.pipeline.progress import clock
from mmlevelset.pipeline.tables import cells, conventions

from .charts import Line, bar_chart, line_chart
from .choice import CROP, MOST, QUANTILES, choose_arms
from .found import Found, Maps, Scores, Training, search
from .pictures import draw_strips

# Charts of a training: title, and how the names of its numbers begin, after the head's prefix.
CURVES = (
    ('losses', ('loss',)),
    ('accuracy, %', ('acc_',)),
    ('share of the image inside', ('area',)),
    ('gradient norm', ('grad_norm',)),
    ('learning rate', ('lr',)),
    ('seconds per iteration', ('time', 'data_time')),
)
SETTINGS = ('config', 'config_hash', 'weights', 'weights_hash', 'seed_source', 'augmentation')
CUTS = ('threshold_rule', 'threshold', 'ignore_band', 'split', 'gt_dir', 'images')


def write_report(work_dir: str | Path, out: str | Path | None = None) -> tuple[Path, list[str]]:
    """Write the report of a pipeline.

    Args:
        work_dir: Of the pipeline.
        out: HTML file; default ``report.html`` in ``work_dir``.

    Returns:
        tuple[Path, list[str]]: the file, and a sentence for everything that the page lacks.

    Raises:
        FileNotFoundError: No pipeline has run in ``work_dir``.
    """
    found = search(work_dir)
    arms = choose_arms(found.maps)
    missing = list(found.missing)
    if not arms:
        missing.append('No pictures: no stage has finished seeds or label maps yet.')
    strips = draw_strips(arms, found.work_dir, missing) if arms else []
    curves, bars = _threshold_curve(found.scores, missing), _class_bars(found.scores, arms, missing)
    template = jinja2.Environment(
        loader=jinja2.PackageLoader('mmlevelset.report', ''),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    ).get_template('page.html')
    text = template.render(
        name=found.work_dir.resolve().name,
        config=(found.results or {}).get('config'),
        written=time.strftime('%Y-%m-%d %H:%M'),
        table=cells(found.results['rows']) if found.results else None,
        notes=conventions(found.results['rows']) if found.results else [],
        scores=found.scores,
        thresholds=curves,
        bars=bars,
        trainings=[(training.name, _training_charts(training)) for training in found.trainings],
        arms=arms,
        strips=strips,
        rule=dict(quantiles=QUANTILES, most=MOST, crop=CROP),
        stages=found.stages,
        longest=max((s.seconds or 0 for s in found.stages), default=0) or 1,
        total=sum(s.seconds or 0 for s in found.stages),
        clock=clock,
        maps=found.maps,
        settings=_settings(found.maps),
        versions=(found.results or {}).get('versions') or versions(),
        configs=_configs(found),
        missing=missing,
    )
    path = Path(out) if out else found.work_dir / 'report.html'
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return path, missing


def _threshold_curve(scores: Sequence[Scores], missing: list[str]) -> Markup | None:
    """The sweep of every scored folder of seeds; a mark at the label-free threshold."""
    lines = []
    for one in scores:
        used, score = one.threshold, one.regions.get('mIoU')
        if one.sweep and used is not None and score is not None:
            mark = used, score, f'label-free threshold {used:.2f}'
            lines.append(Line(one.name, one.sweep, [mark]))
    if not lines:
        missing.append('No threshold curve: no stage has scored seeds yet.')
        return None
    return line_chart(lines, 'mIoU, %', 'background score', width=560, height=300)


def _class_bars(
    scores: Sequence[Scores], arms: Sequence[Maps], missing: list[str]
) -> list[tuple[str, Markup]]:
    """IoU and Boundary IoU of the classes, means over the random seeds of an arm."""
    groups = [
        (arm, list(group))
        for arm, group in groupby(sorted(scores, key=lambda s: s.arm), lambda s: s.arm)
    ]
    charts = []
    for kind, title in (('IoU', 'IoU, %'), ('BIoU', 'Boundary IoU, %')):
        bars = {arm: _mean([one.classes(kind) for one in group]) for arm, group in groups}
        bars = {arm: values for arm, values in bars.items() if values}
        if bars:
            charts.append((title, bar_chart(bars, title)))
        else:
            missing.append(f'No {title.partition(",")[0]} of the classes: nothing was scored yet.')
    return charts


def _mean(found: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """Means over several evaluations; None for a class that occurs in none of them."""
    known: dict[str, list[float]] = {}
    for name, value in (item for scores in found for item in scores.items()):
        known.setdefault(name, []).extend([] if value is None else [value])
    return {name: fmean(values) if values else None for name, values in known.items()}


def _training_charts(training: Training) -> list[tuple[str, Markup]]:
    charts = []
    for title, beginnings in CURVES:
        lines = [
            Line(name, points)
            for name, points in training.scalars.items()
            if name.rpartition('.')[2].startswith(beginnings)
        ]
        if lines:
            charts.append((title, line_chart(lines, title, 'iteration')))
    return charts


def _settings(maps: Sequence[Maps]) -> list[tuple[str, list[Any]]]:
    """What the folders of maps say of themselves: a line a setting, a column a folder."""
    lines = [(key, [one.seeds.get(key) for one in maps]) for key in SETTINGS]
    lines += [(key, [one.meta.get(key) for one in maps]) for key in CUTS]
    return [(key, values) for key, values in lines if any(value is not None for value in values)]


def _configs(found: Found) -> list[tuple[str, str]]:
    """The configs as they were run, with all options: the files that mmengine leaves beside a training."""
    paths = [path for t in found.trainings for path in (found.work_dir / t.name).glob('*.py')]
    return [
        (path.relative_to(found.work_dir).as_posix(), path.read_text(encoding='utf-8'))
        for path in paths
    ]
