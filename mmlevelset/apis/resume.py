"""Which checkpoint a training goes on from."""

import re
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmlevelset.fileio.checkpoints import load_checkpoint_file


def set_resume(cfg: Config) -> None:
    """Go on from the last checkpoint in ``cfg.work_dir``; without one, start as the config says.

    Args:
        cfg (Config): Changed in place.

    Raises:
        ValueError: All checkpoints are damaged.
    """
    path = last_checkpoint(cfg.work_dir)
    cfg.resume = path is not None
    if path is not None:
        cfg.load_from = str(path)


def last_checkpoint(work_dir: str | Path) -> Path | None:
    """Find the newest checkpoint of a training that can be read.

    The file ``last_checkpoint`` names it. Where the work folder was moved, a path of another place
    counts by its file name; where the file is empty, missing or names nothing, and where a checkpoint
    is damaged, the next older one of the folder serves, with a warning.

    Args:
        work_dir: Folder of the training.

    Returns:
        Path: The checkpoint; None where no training has saved one.

    Raises:
        ValueError: All checkpoints are damaged, although one was finished.
    """
    folder = Path(work_dir)
    pointer = folder / 'last_checkpoint'
    named = pointer.read_text(errors='replace').strip() if pointer.is_file() else ''
    numbers = {path: n for path in folder.glob('*.pth') if (n := _number(path)) is not None}
    found = sorted(numbers, key=numbers.__getitem__, reverse=True)
    places = [folder / Path(named).name, Path(named)] if named else []
    first = next((path for path in places if path.is_file()), None)
    if first is None and found:
        why = f'names {named!r}, which is not there' if named else 'is missing or empty'
        print_log(f'{pointer} {why}: trying {found[0]}, the newest checkpoint in the folder')
    elif first is not None:
        newest = numbers.get(first, -1)
        found = [first, *(path for path in found if numbers[path] < newest)]
    problems = []
    for path in found:
        try:
            load_checkpoint_file(path)
        except ValueError as error:
            problems.append(str(error))
            print_log(f'{error} Passing it over.')
            continue
        return path
    if problems and named:
        raise ValueError(
            f'{folder}: none of its {len(found)} checkpoints can be read ({problems[0]}); to start from '
            'the beginning, remove them or give another --work-dir'
        )
    return None


def _number(path: Path) -> int | None:
    """The epoch or iteration that a checkpoint's name ends with."""
    match = re.fullmatch(r'(?:epoch|iter)_(\d+)\.pth', path.name)
    return int(match[1]) if match else None
