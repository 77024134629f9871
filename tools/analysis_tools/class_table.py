"""Per-class scores of several evaluations side by side.

``python tools/analysis_tools/class_table.py a.json b.json [--score IoU]`` reads what tools/eval_seeds.py
wrote with ``--json``. ``--score BIoU`` and ``--score F`` are Boundary IoU and boundary F.
"""

from pathlib import Path
from typing import Any

from mmlevelset.apis.command import make_parser, run
from mmlevelset.fileio.conventions import scored_conventions
from mmlevelset.fileio.text import read_json
from mmlevelset.pipeline.tables import aligned

SCORES = ('IoU', 'BIoU', 'F')


def class_scores(path: Path, score: str) -> dict[str, float | None]:
    """Scores of a result file by class, in per cent; None where a class never occurs.

    Raises:
        ValueError: the file has no such scores.
    """
    scores: dict[str, float | None] = {}

    def collect(content: dict[str, Any]) -> None:
        for key, value in content.items():
            if isinstance(value, dict) and key in ('scores', 'boundary', 'boundary_f'):
                collect(value)
            elif key.rpartition('/')[2].startswith(f'{score}.'):
                scores[key.rpartition('/')[2].removeprefix(f'{score}.')] = value

    collect(read_json(path))
    if not scores:
        raise ValueError(
            f'{path} has no {score} of classes; write it with tools/eval_seeds.py --json'
        )
    return scores


def class_table(columns: dict[str, dict[str, float | None]]) -> str:
    """A Markdown table: one line per class, and the mean over the classes that occur."""
    names = list(dict.fromkeys(name for scores in columns.values() for name in scores))
    lines = [['class', *columns]]
    lines += [[name, *(_text(scores.get(name)) for scores in columns.values())] for name in names]
    known = [[v for v in scores.values() if v is not None] for scores in columns.values()]
    lines.append(['mean', *(_text(sum(v) / len(v) if v else None) for v in known)])
    return aligned(lines)


def _text(value: float | None) -> str:
    return '' if value is None else f'{value:.2f}'


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('results', nargs='+', help='JSON files of evaluations')
    parser.add_argument('--score', choices=SCORES, default='IoU')
    args = parser.parse_args()
    print(class_table({path: class_scores(Path(path), args.score) for path in args.results}))
    for path in args.results:
        stated = scored_conventions(read_json(path))
        if stated:
            print(f'{path}: masks with ' + ', '.join(f'{k} {v}' for k, v in stated.items()))


if __name__ == '__main__':
    run(main)
