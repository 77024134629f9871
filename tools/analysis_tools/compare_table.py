"""The paper's result tables beside ours: ``python tools/analysis_tools/compare_table.py [--root work_dirs]``.

Every row of Tables 1, 2 and 4-7 is printed, with the paper's number and what the JSON files of our runs
say, or 'not run'. Nothing is typed in: paper_tables.json holds the paper's numbers and, of each row,
the folder ``ours`` below ``--root``; of each column, the file in there and the key of its number.
Folders ``<ours>_s0``, ``<ours>_s1`` ... are random seeds, shown as mean ± sample standard deviation.
A row of the level set has a folder, and a line, for each energy: as printed in the paper, and the
default of this toolbox. Methods without a pipeline have a folder ``imported/...``, for results of
seeds, labels or models from elsewhere that ``tools/eval_seeds.py ... --json`` has scored, and the others may
have one as well, ``imported/<ours>``, which is read where the pipeline has left no such file. The notes under
a table say what our numbers were measured on; COCO's tables have a column for the conventions of the
masks, which move the mIoU by several points.
"""

import statistics
from pathlib import Path
from typing import Any

from mmlevelset.apis.command import make_parser, run
from mmlevelset.fileio.conventions import CONVENTIONS
from mmlevelset.fileio.text import read_json
from mmlevelset.pipeline.tables import aligned

DATA = Path(__file__).with_name('paper_tables.json')
IMPORTED = 'imported/'
FACTS = ('split', 'gt_dir', 'absent_classes', 'unsure_pixels', *CONVENTIONS, 'init', 'config')


def read_number(path: Path, key: str) -> tuple[float, dict[str, Any]]:
    """The number ``key`` (``a.b`` is ``b`` in the object ``a``) of a JSON file, and what it was
    measured on.

    Raises:
        ValueError: the file has no such number.
    """
    content = read_json(path)
    value: Any = content
    for part in [key] if key in content else key.split('.'):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'{path} has no number {key!r}; its keys are {", ".join(content)}')
    facts = {**content, **content.get('facts', {})}
    return float(value), {name: facts[name] for name in FACTS if facts.get(name) is not None}


def find_runs(root: Path, ours: str, file: str) -> list[Path]:
    """Result files of a row: of the folder itself, else of its random seeds, else those that were imported."""
    if (root / ours / file).is_file():
        return [root / ours / file]
    found = sorted(path for path in root.glob(f'{ours}_s[0-9]*/{file}') if path.is_file())
    if found or ours.startswith(IMPORTED):
        return found
    return find_runs(root, f'{IMPORTED}{ours}', file)


def runs_of(row: dict[str, Any]) -> dict[str, str]:
    """Folder of each energy of a row; a method without an energy has one folder, of the name ''."""
    return row['ours'] if isinstance(row['ours'], dict) else {'': row['ours']}


def compare(table: dict[str, Any], root: Path) -> tuple[list[list[str]], list[str]]:
    """Cells, header first, and notes of one table."""
    columns, notes = table['columns'], []
    with_backbone = any('backbone' in row for row in table['rows'])
    header = ['method'] + ['backbone'] * with_backbone + ['energy, ours']
    for name in columns:
        header += [f'{name}, paper', f'{name}, ours']
    not_unique = table.get('conventions', False)
    cells = [header + ['masks, ours'] * not_unique]
    lines = [(row, *line) for row in table['rows'] for line in runs_of(row).items()]
    for row, energy, ours in lines:
        masks: set[str] = set()
        line = [row['method']] + [row.get('backbone', '')] * with_backbone + [energy]
        for (name, (file, key)), paper in zip(columns.items(), row['paper'], strict=True):
            paths = find_runs(root, ours, file)
            found = [read_number(path, key) for path in paths]
            line += [f'{paper:.1f}', shown([value for value, _ in found])]
            for path, (_, facts) in zip(paths, found, strict=True):
                said = ', '.join(f'{k} {v}' for k, v in facts.items()) or 'nothing stated'
                notes.append(f'{row["method"]}, {name}: {path.as_posix()}: {said}')
            masks |= {conventions(facts) for _, facts in found}
        cells.append(line + ['; '.join(sorted(masks))] * not_unique)
    return cells, notes


def conventions(facts: dict[str, Any]) -> str:
    """What was done about overlapping objects and crowds in the masks of a result."""
    return ', '.join(f'{key} {facts.get(key, "not stated")}' for key in CONVENTIONS)


def shown(values: list[float]) -> str:
    """Mean and sample standard deviation, or 'not run'."""
    if not values:
        return 'not run'
    mean = f'{statistics.fmean(values):.1f}'
    if len(values) == 1:
        return mean
    return f'{mean} ± {statistics.stdev(values):.1f} ({len(values)} runs)'


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('--root', default='work_dirs', help='folder of all runs')
    parser.add_argument('--tables', nargs='+', help='numbers of the tables (default: all)')
    args = parser.parse_args()
    tables = read_json(DATA)
    unknown = set(args.tables or []) - set(tables)
    if unknown:
        parser.error(f'no table {", ".join(sorted(unknown))}; there are {", ".join(tables)}')
    if not Path(args.root).is_dir():
        parser.error(f'no folder {args.root}; give the one that holds the runs')
    for number in args.tables or tables:
        cells, notes = compare(tables[number], Path(args.root))
        print(f'Table {number}: {tables[number]["title"]}\n\n{aligned(cells)}\n')
        if notes:
            print('\n'.join(f'* {note}' for note in notes) + '\n')


if __name__ == '__main__':
    run(main)
