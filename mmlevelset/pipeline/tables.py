"""The result table of a pipeline: mean and sample standard deviation over random seeds, also of paired differences."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmlevelset.fileio.conventions import scored_conventions
from mmlevelset.fileio.text import read_json

Row = dict[str, Any]

CHOICES = ('threshold',)  # columns that say how something was scored, not how well


def summarise(table: list[dict], resolve: Callable[[str], Path] = Path) -> list[Row]:
    """Read the metrics files of a table and average them.

    Args:
        table (list[dict]): One dict a row: ``arm`` and ``stage`` (its labels), ``metrics`` (path of
            a JSON file of numbers, or a list of them, one a random seed) and ``keys`` (which
            numbers of the file to show, as a list, or a dict from column to number; ``a.b`` is
            ``b`` in the object ``a``). ``random_seeds`` (optional) are those of the files, by which rows are
            paired; default: of a list 0, 1, ..., of a path None.
        resolve (callable): Turns a path of the table into one that can be opened.

    Returns:
        list[Row]: ``arm``, ``stage`` and, for each key, ``values``, ``mean`` and ``std`` under
        ``results``: the sample standard deviation (divisor n - 1), None for a single value; with the
        ``random_seeds``. Of each file, the conventions of the masks under ``masks``, where there are several
        (COCO). ``differences``, of the same form, are those to the arm ``against``, the first of the table, in
        its row of the same stage: of each random seed that both have, where there is one.

    Raises:
        FileNotFoundError: A file of the table does not exist.
        ValueError: A file has no such number, or there are more or fewer random seeds than files.
    """
    rows: list[Row] = [
        dict(
            arm=entry['arm'],
            stage=entry['stage'],
            results={
                column: _statistics(_random_seeds(entry), _numbers(entry, key, resolve))
                for column, key in _columns(entry['keys']).items()
            },
            masks=_masks(entry, resolve),
        )
        for entry in table
    ]
    first = {row['stage']: row for row in reversed(rows) if row['arm'] == rows[0]['arm']}
    for row in rows:
        baseline = first.get(row['stage'], row)
        found = _differences(row, baseline) if row is not baseline else {}
        row.update(against=baseline['arm'] if found else None, differences=found)
    return rows


def cells(rows: list[Row], digits: int = 2) -> list[list[str]]:
    """Rows of :func:`summarise` as texts, ``mean ± std``; the header comes first.

    A line of differences, with their signs, follows each row that has some.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row['results']))
    lines = [['variant', 'what', 'runs', *keys]]
    for row in rows:
        shown = [(row['arm'], row['results'], '')]
        if row.get('differences'):  # files of an earlier version have none
            shown.append((f'{row["arm"]} - {row["against"]}', row['differences'], '+'))
        for name, results, sign in shown:
            runs = max((len(result['values']) for result in results.values()), default=0)
            numbers = [
                _shown(results[key], f'{sign}.{digits}f') if key in results else '' for key in keys
            ]
            lines.append([name, row['stage'], str(runs), *numbers])
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


def _random_seeds(entry: dict) -> list[int | None]:
    """The random seeds of an entry's files."""
    sources = _sources(entry)
    unsaid = [None] if isinstance(entry['metrics'], str) else range(len(sources))
    found = list(entry.get('random_seeds', unsaid))
    if len(found) != len(sources) or len(set(found)) != len(found):
        raise ValueError(
            f'the row {entry["arm"]}, {entry["stage"]} of the table has the random seeds {found} and '
            f'{len(sources)} files; name another one for each file'
        )
    return found


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


def _statistics(random_seeds: list[int | None], values: list[float]) -> dict[str, Any]:
    std = statistics.stdev(values) if len(values) > 1 else None
    return dict(random_seeds=random_seeds, values=values, mean=statistics.fmean(values), std=std)


def _differences(row: Row, baseline: Row) -> dict[str, dict[str, Any]]:
    """Of each column that both rows have, the differences of the random seeds that both have."""
    found = {}
    for column, result in row['results'].items():
        other = baseline['results'].get(column, dict(random_seeds=[], values=[]))
        of = dict(zip(other['random_seeds'], other['values'], strict=True))
        pairs = zip(result['random_seeds'], result['values'], strict=True)
        apart = {seed: value - of[seed] for seed, value in pairs if seed in of}
        if apart and column not in CHOICES:
            found[column] = _statistics(list(apart), list(apart.values()))
    return found


def _shown(result: dict[str, Any], form: str) -> str:
    """``mean ± std``, the mean in a form of its own, such as ``+.2f``."""
    mean = format(result['mean'], form)
    return mean if result['std'] is None else f'{mean} ± {format(result["std"], form.lstrip("+"))}'
