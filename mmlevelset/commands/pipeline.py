"""Run all stages of a pipeline.

A killed or failed run goes on where it stopped when the same command is given again.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from mmlevelset.apis import add_arguments
from mmlevelset.apis.command import make_parser
from mmlevelset.config import read_config
from mmlevelset.fileio.atomic import atomic_path, write_json
from mmlevelset.fileio.versions import versions
from mmlevelset.pipeline import Pipeline, expand, markdown, summarise

EXAMPLE = 'pipeline/shapes_efficientnet-lite0_levelset --jobs 2'


def main(root: Path | None = None) -> int:
    """Run the command that ``sys.argv`` gives.

    Args:
        root (Path, optional): Folder that the stages run in; default: the current one.
    """
    parser = make_parser(__doc__, EXAMPLE)
    add_arguments(parser, launcher=False)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument('--from', dest='first', metavar='STAGE', help='run it and all later ones')
    choice.add_argument('--only', metavar='STAGE', help='run this stage alone')
    parser.add_argument('--dry-run', action='store_true', help='print what would run, and stop')
    parser.add_argument('--jobs', type=int, default=1, help='stages at the same time')
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f'--jobs must be at least 1, got {args.jobs}')

    cfg = expanded(args.config, args.cfg_options)
    pipeline = Pipeline(cfg, root or Path.cwd(), args.work_dir)
    plan = pipeline.plan(args.first, args.only)
    if args.dry_run:
        unfinished = pipeline.unfinished()
        for stage in pipeline.stages:
            state = 'run ' if stage in plan else 'todo' if stage.name in unfinished else 'done'
            print(f'{state}  {stage.name}: {pipeline.values.command(stage.command)}')
        return 0

    # Terminated, or its terminal closed: the stages end, as after an interrupt.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, _: sys.exit(128 + caught))
    # Jobs that each take all cores slow each other down several times over.
    os.environ.setdefault('OMP_NUM_THREADS', str(max((os.cpu_count() or 1) // args.jobs, 1)))
    if not pipeline.run(plan, args.jobs):
        return 1
    left = pipeline.unfinished()
    if left:
        print(f'left to do: {", ".join(s.name for s in pipeline.stages if s.name in left)}')
        return 0
    report(cfg, pipeline, args.config)
    return 0


def expanded(config: str, options: dict[str, Any] | None) -> dict[str, Any]:
    """The stages and the table of a config, whose paths count from the folder of the command.

    Raises:
        FileNotFoundError: A file that it names is not there; says which folder it may be meant from.
    """
    try:
        return expand(read_config(config, options).to_dict())
    except FileNotFoundError as error:
        homes = (
            folder.parent for folder in Path(config).resolve().parents if folder.name == 'configs'
        )
        home = next(homes, None)
        if home is None or not Path(config).is_file() or home == Path.cwd():
            raise
        raise FileNotFoundError(
            f'{error}\nThe paths of a pipeline count from the folder that the command is given in: type it in {home}'
        ) from error


def report(cfg: dict, pipeline: Pipeline, config: str) -> None:
    """Print the result table and the picture's path; write results.json and results.md."""
    if 'table' in cfg:
        rows = summarise(cfg['table'], pipeline.values.path)
        table = markdown(rows)
        facts = dict(config=config, rows=rows, versions=versions())
        write_json(pipeline.work_dir / 'results.json', facts)
        with atomic_path(pipeline.work_dir / 'results.md') as path:
            path.write_text(f'{table}\n', encoding='utf-8')
        print(f'\n{table}\n\nresults: {pipeline.work_dir / "results.json"}')
    if 'picture' in cfg:
        picture = pipeline.values.path(cfg['picture'])
        print(f'picture: {picture}' if picture.exists() else f'no stage wrote {picture}')
