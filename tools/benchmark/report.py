"""Tables and plots of the rows."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.pipeline.tables import aligned

from .table3 import FNO, ITERATIONS, ONE_PASS, PAPER, PAPER_FNO, TIMES_FNO
from .timing import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = {'median', 'iqr', 'rounds', 'peak', 'section', 'case', 'method', 'missing'}


def machine(device: torch.device) -> str:
    """Processor or GPU, threads, and how busy the machine was."""
    names = [platform.processor() or platform.machine()]
    info = Path('/proc/cpuinfo')
    if info.is_file():
        lines = info.read_text().splitlines()
        names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    text = f'{names[0]}, {os.cpu_count()} cores' if names else platform.machine()
    if device.type == 'cuda':
        text = f'{torch.cuda.get_device_name(device)}, host {text}'
    load = f', load average {os.getloadavg()[0]:.1f}' if hasattr(os, 'getloadavg') else ''
    return f'{text}, {torch.get_num_threads()} thread(s){load}'


def table(header: list[str], lines: Iterable[list[str]]) -> str:
    """Markdown table of a header and its lines."""
    return aligned([header, *lines])


def comparison_table(rows: list[Row]) -> str:
    """One line a row: case, method, median, spread, ratio, memory and the columns of the checks."""
    extra = list(dict.fromkeys(key for row in rows for key in row if key not in _COLUMNS))
    header = ['case', 'method', 'median', 'IQR', 'extra memory', *extra]
    lines = []
    for row in rows:
        if 'missing' in row:
            lines.append([row['case'], row['method'], row['missing'], *[''] * (len(header) - 3)])
            continue
        values = [_number(row.get(key)) for key in extra]
        times = [_time(row['median']), _time(row['iqr'])]
        lines.append([row['case'], row['method'], *times, _memory(row['peak']), *values])
    return table(header, lines)


def table3_table(rows: list[Row], facts: Row) -> str:
    """Table 3 beside the paper's: seconds and ratios to the one pass, then shares of the energy drop."""
    header = ['method', *(f'{n} it. (s)' for n in ITERATIONS), f'{TIMES_FNO}, at 15']
    header += [f'share, {n} it.' for n in ITERATIONS] + ['energy, at 15', 'extra memory']
    paper = [f'{PAPER[n]:.4f}' for n in ITERATIONS]
    lines = [['paper, traditional', *paper, f'{PAPER[15] / PAPER_FNO:.2f}', *[''] * 6]]
    lines.append(['paper, FNO', f'{PAPER_FNO:.4f} (one pass)', *[''] * 3, '1.00', *[''] * 6])
    for method in dict.fromkeys(row['method'] for row in rows):
        found = {row['case']: row for row in rows if row['method'] == method}
        last = list(found.values())[-1]
        if 'missing' in last:
            lines.append([method, last['missing'], *[''] * 10])
            continue
        cases = [ONE_PASS] if ONE_PASS in found else [f'{n} iterations' for n in ITERATIONS]
        times = [f'{found[c]["median"]:.4f} ± {found[c]["iqr"] / 2:.4f}' for c in cases]
        shares = [f'{found[c]["share"]:.3f}' for c in cases]
        if cases == [ONE_PASS]:
            times, shares = [f'{times[0]} (one pass)', '', '', ''], [*shares, '', '', '']
        figures = [f'{last["energy"]:.4f}', _memory(last['peak'])]
        lines.append([method, *times, f'{last[TIMES_FNO]:.2f}', *shares, *figures])
    note = (
        f'Energy of the start {facts["start"]:.4f}, after {facts["adam_steps"]} Adam steps '
        f'{facts["adam"]:.4f}: a share of 1 is that drop. ± is half the interquartile range.'
    )
    # Two tables, because one is wider than a screen.
    timed = [line[:6] for line in lines]
    reached = [[line[0], *line[6:]] for line in lines if any(line[6:])]
    second = table([header[0], *header[6:]], reached)
    return f'{table(header[:6], timed)}\n\n{second}\n\n{note}'


def plot_table3(rows: list[Row], path: Path) -> None:
    """Share of the energy drop against time."""
    from matplotlib.figure import Figure  # optional: the tables do without

    figure = Figure(figsize=(7, 4.5), layout='constrained')
    panel = figure.subplots()
    rows = [row for row in rows if 'missing' not in row]
    for method in dict.fromkeys(row['method'] for row in rows):
        points = [(r['median'], r['share']) for r in rows if r['method'] == method]
        panel.plot(*zip(*points, strict=True), '*' if method == FNO else 'o-', label=method, ms=9)
    panel.axhline(1, color='grey', lw=0.8)
    panel.set(xscale='log', xlabel='seconds', ylabel="share of Adam's energy drop")
    panel.legend(fontsize=8)
    panel.grid(alpha=0.3)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130, format='png')


def _time(seconds: float) -> str:
    for unit, scale in (('s', 1), ('ms', 1e3), ('µs', 1e6)):
        if seconds * scale >= 1 or unit == 'µs':
            return f'{seconds * scale:.3g} {unit}'
    raise AssertionError


def _memory(peak: int | None) -> str:
    return '–' if peak is None else f'{peak / 2**20:.1f} MiB'


def _number(value: float | None) -> str:
    return '' if value is None else f'{value:.3g}'
