"""Trimap curves of several evaluations, as a table and a plot.

python tools/eval_seeds.py LABEL_DIR --gt GT_DIR --radii 1 2 3 5 10 20 40 --json a.json
python tools/analysis_tools/plot_trimap.py a.json b.json --out trimap.png
"""

import re
from pathlib import Path

from mmlevelset.apis.command import make_parser, run
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.text import read_json


def trimap_curve(path: Path) -> dict[float, float]:
    """mIoU in per cent near the true contours, by the radius in pixels, ascending.

    Raises:
        ValueError: the file has fewer than two radii.
    """
    content = read_json(path)
    found = {}
    for key, value in {**content, **content.get('boundary', {})}.items():
        match = re.fullmatch(r'(?:.*/)?trimap_mIoU@([\d.]+)', key)
        if match and value is not None:
            found[float(match[1])] = value
    if len(found) < 2:
        raise ValueError(
            f'{path} has {len(found)} trimap radii, a curve needs at least two; evaluate with '
            '--radii 1 2 3 5 10 20 40'
        )
    return dict(sorted(found.items()))


def plot(curves: dict[str, dict[float, float]], out: Path) -> None:
    """Draw the curves."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "mmlevelset[vis]"') from error
    figure = Figure(figsize=(5, 3.5), layout='constrained')
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(list(curve), list(curve.values()), marker='o', label=name)
    axes.set(xlabel='radius of the trimap in pixels', ylabel='mIoU in per cent')
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(out) as path:
        figure.savefig(path, format=out.suffix.lstrip('.') or 'png', dpi=150)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('results', nargs='+', help='JSON files of evaluations')
    parser.add_argument('--names', nargs='+', help='of the curves (default: the files)')
    parser.add_argument('--out', required=True, help='picture to write')
    args = parser.parse_args()
    names = args.names or args.results
    if len(names) != len(args.results):
        parser.error(f'{len(args.results)} files, but {len(names)} names')
    curves = {n: trimap_curve(Path(p)) for n, p in zip(names, args.results, strict=True)}
    for name, curve in curves.items():
        print(name + ': ' + '  '.join(f'{r:g} px {miou:.2f}' for r, miou in curve.items()))
    plot(curves, Path(args.out))
    print(f'plot: {args.out}')


if __name__ == '__main__':
    run(main)
