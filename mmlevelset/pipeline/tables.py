"""The result table of a pipeline: mean and sample standard deviation over random seeds."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmlevelset.fileio.conventions import scored_conventions
from mmlevelset.fileio.text import read_json

Row = dict[str, Any]


def summarise(table: list[dict], resolve: Callable[[str], Path] = Path) -> list[Row]:
    """Read the metrics files of a table and average them.

    Args:
        table (list[dict]): One dict a row: ``arm`` and ``stage`` (its labels), ``metrics`` (path of
            a JSON file of numbers, or a list of them, one a random seed) and ``keys`` (which
            numbers of the file to show, as a list, or a dict from column to number; ``a.b`` is
            ``b`` in the object ``a``).
        resolve (callable): Turns a path of the table into one that can be opened.

    Returns:
        list[Row]: ``arm``, ``stage`` and, for each key, ``values``, ``mean`` and ``std`` under
        ``results``: the sample standard deviation (divisor n - 1), None for a single value. Of
        each file, the conventions of the masks under ``masks``, where there are several (COCO).

    Raises:
        FileNotFoundError: A file of the table does not exist.
        ValueError: A file has no such number.
    """
    return [
        dict(
            arm=entry['arm'],
            stage=entry['stage'],
            results={
                column: _statistics(_numbers(entry, key, resolve))
                for column, key in _columns(entry['keys']).items()
            },
            masks=_masks(entry, resolve),
        )
        for entry in table
    ]


def cells(rows: list[Row], digits: int = 2) -> list[list[str]]:
    """Rows of :func:`summarise` as texts, ``mean ± std``; the header comes first."""
    keys = list(dict.fromkeys(key for row in rows for key in row['results']))
    lines = [['variant', 'what', 'runs', *keys]]
    for row in rows:
        results = row['results']
        runs = max((len(result['values']) for result in results.values()), default=0)
        shown = [_shown(results[key], digits) if key in results else '' for key in keys]
        lines.append([row['arm'], row['stage'], str(runs), *shown])
    return lines


def markdown(rows: list[Row], digits: int = 2) -> str:
    """Rows of :func:`summarise` as a Markdown table with aligned columns, and the conventions of the
    masks below it."""
    notes = conventions(rows)
    lines = [f'* {note}' for note in notes]
    return '\n'.join([aligned(cells(rows, digits)), *([''] if notes else []), *lines])


def conventions(rows: list[Row]) -> list[str]:
    """What the masks of the rows count, where several conventions are in use."""
    notes = (f'{row["stage"]}: masks with {masks}' for row in rows for masks in row['masks'])
    return list(dict.fromkeys(notes))


def aligned(table: Sequence[Sequence[str]]) -> str:
    """Cells as a Markdown table with aligned columns.

    Args:
        table (Sequence[Sequence[str]]): Lines of equal length, the header first.
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [table[0], ['-' * width for width in widths], *table[1:]]
    return '\n'.join(
        f'| {" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |'
        for line in lines
    )


def _columns(keys: list[str] | dict[str, str]) -> dict[str, str]:
    return dict(keys) if isinstance(keys, dict) else {key: key for key in keys}


def _sources(entry: dict) -> list[str]:
    return [entry['metrics']] if isinstance(entry['metrics'], str) else entry['metrics']


def _masks(entry: dict, resolve: Callable[[str], Path]) -> list[str]:
    found = [scored_conventions(read_json(resolve(s))) for s in _sources(entry)]
    texts = (', '.join(f'{key} {value}' for key, value in stated.items()) for stated in found)
    return list(dict.fromkeys(filter(None, texts)))


def _numbers(entry: dict, key: str, resolve: Callable[[str], Path]) -> list[float]:
    numbers = []
    for source in _sources(entry):
        path = resolve(source)
        if not path.is_file():
            raise FileNotFoundError(
                f'the row {entry["arm"]}, {entry["stage"]} of the table needs {path}; '
                'which stage writes it?'
            )
        found = _flat(read_json(path))
        if not isinstance(found.get(key), int | float):
            raise ValueError(f'{path} has no number {key!r}; its keys are {", ".join(found)}')
        numbers.append(float(found[key]))
    return numbers


def _flat(nested: dict, prefix: str = '') -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        name = f'{prefix}{key}'
        flat |= _flat(value, f'{name}.') if isinstance(value, dict) else {name: value}
    return flat


def _statistics(values: list[float]) -> dict[str, Any]:
    std = statistics.stdev(values) if len(values) > 1 else None
    return dict(values=values, mean=statistics.fmean(values), std=std)


def _shown(result: dict[str, Any], digits: int) -> str:
    mean = f'{result["mean"]:.{digits}f}'
    return mean if result['std'] is None else f'{mean} ± {result["std"]:.{digits}f}'
