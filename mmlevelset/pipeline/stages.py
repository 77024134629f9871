"""The stages that a pipeline lists, and the values that their commands name."""

import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlevelset.installation import HOME


@dataclass(frozen=True)
class Stage:
    """One step: its name, its shell command, the file it must leave, the stages it waits for,
    and the folder it fills."""

    name: str
    command: str
    done: str | None
    needs: tuple[str, ...]
    makes: str | None


class Values:
    """Fills in the braces of commands and paths.

    In a command, a text is one word of the shell, whatever blanks, commas or quotes it holds, and a
    list of texts is as many words.

    Args:
        cfg (dict): The pipeline config; its top-level texts, numbers and lists of texts are the
            values.
        root (Path): Folder that the commands run in.
        work_dir (Path): What ``{work_dir}`` stands for.
    """

    def __init__(self, cfg: dict[str, Any], root: Path, work_dir: Path) -> None:
        self.root = root
        found = {key: _words(value) for key, value in cfg.items() if key != 'work_dir'}
        self._words = {key: words for key, words in found.items() if words is not None}
        self._here = dict(work_dir=[str(work_dir)], python=[sys.executable])

    def portable(self, command: str) -> str:
        """Fill in a command all but ``{work_dir}`` and ``{python}``, which differ from machine to machine."""
        return _fill(command, self._words, shlex.join)

    def command(self, command: str) -> str:
        """Fill in a command for the shell of this machine, whose tools may lie in a wheel."""
        command = re.sub(r'(?<![\w./-])tools/[\w./-]+', self._tool, command)
        return _fill(command, self._words | self._here, shlex.join)

    def _tool(self, match: re.Match) -> str:
        """A tool as the folder of the commands has it, or else this installation."""
        ours = HOME / match[0]
        return (
            match[0]
            if (self.root / match[0]).is_file() or not ours.is_file()
            else shlex.quote(str(ours))
        )

    def path(self, path: str) -> Path:
        """Fill in a path; it is relative to the folder that the commands run in."""
        return self.root / _fill(path, self._words | self._here, ' '.join)


def read_stages(entries: list[dict[str, Any]], values: Values) -> list[Stage]:
    """Check the stages of a config.

    Args:
        entries (list[dict]): As the module :mod:`~mmlevelset.pipeline.scheduler` says.
        values (Values): To check the folders that stages fill.

    Raises:
        ValueError: A stage has no command or name, another key, waits for no earlier stage, or fills a
            folder outside of ``work_dir``.
    """
    stages: list[Stage] = []
    work_dir = values.path('{work_dir}')
    for index, entry in enumerate(entries):
        entry, known = dict(entry), [stage.name for stage in stages]
        name, command = str(entry.pop('name', '')), entry.pop('command', None)
        needs = entry.pop('needs', known[-1:])
        done, makes = entry.pop('done', None), entry.pop('makes', None)
        if not re.fullmatch(r'\w[\w.-]*', name) or name in known or not command:
            raise ValueError(
                f'stage {index} needs a command and a unique name of letters, digits, "_", "-" '
                f'and ".", got name={name!r}, command={command!r}'
            )
        if entry or not set(needs) <= set(known):
            raise ValueError(
                f'stage {name!r}: expected the keys name, command, done, makes, needs, and needs '
                f'among the earlier stages {known}; got also {list(entry)}, needs={needs}'
            )
        if makes and work_dir not in values.path(makes).parents:
            raise ValueError(
                f'stage {name!r}: makes must be a folder in {work_dir}, got '
                f'{str(values.path(makes))!r}, which the pipeline will not move out of the way'
            )
        stages.append(Stage(name, command, done, tuple(needs), makes))
    return stages


def _words(value: Any) -> list[str] | None:
    """The words of a value; None for one that does not go into commands."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    return [str(value)] if isinstance(value, str | int | float) else None


def _fill(text: str, words: dict[str, list[str]], join: Callable[[list[str]], str]) -> str:
    """Replace the braces of all known values at once, so that no value is searched for braces."""

    def value(match: re.Match) -> str:
        return join(words[match[1]]) if match[1] in words else match[0]

    return re.sub(r'\{(\w+)\}', value, text)
