"""What a pipeline remembers of its stages, in ``<work_dir>/.done`` and ``<work_dir>/.started``."""

import hashlib
import json
import shlex
import shutil
import time
from pathlib import Path
from typing import Any

from mmlevelset.config import read_config, settings_hash
from mmlevelset.fileio.atomic import atomic_path, remove_temporary, write_json
from mmlevelset.installation import HOME

from .stages import Stage, Values


class Records:
    """The stages that are finished, with what they were made from, and those that were started.

    Args:
        work_dir (Path): Of the pipeline.
        values (Values): Of its config.
    """

    def __init__(self, work_dir: Path, values: Values) -> None:
        self.done, self.started = work_dir / '.done', work_dir / '.started'
        self.values = values
        self._known: dict[Path, str] = {}  # hashes of the settings of configs

    def seconds(self, stages: list[Stage]) -> dict[str, float]:
        """What finished stages took."""
        found = {stage.name: self._read(stage.name) for stage in stages}
        return {name: record['seconds'] for name, record in found.items() if record}

    def damaged(self, stages: list[Stage]) -> list[str]:
        """Names of the stages whose record is there but cannot be read, as after a power cut."""
        return [
            stage.name
            for stage in stages
            if (self.done / stage.name).exists() and self._read(stage.name) is None
        ]

    def unfinished(self, stages: list[Stage]) -> set[str]:
        """Names of the stages that never finished, or whose command or basis has changed."""
        names: set[str] = set()
        for stage in stages:
            record = self._read(stage.name)
            if (
                names & set(stage.needs)
                or record is None
                or record['hash'] != self.hash(stage)
                or (stage.done and not self.values.path(stage.done).exists())
            ):
                names.add(stage.name)
        return names

    def forget(self, stages: list[Stage]) -> None:
        """Count stages as unfinished, and remove what a killed run left half written."""
        for folder in (self.done, self.started, self.done.parent):
            remove_temporary(folder)
        for stage in stages:
            (self.done / stage.name).unlink(missing_ok=True)

    def start(self, stage: Stage) -> None:
        """Note that a stage starts; what other settings left in its folder is moved aside."""
        started, now = self.started / stage.name, self.hash(stage)
        if started.is_file() and started.read_bytes() == now.encode():
            return
        if stage.makes:
            _set_aside(self.values.path(stage.makes))
        with atomic_path(started) as temporary:
            temporary.write_text(now)

    def finish(self, stage: Stage, seconds: float) -> None:
        """Note that a stage has finished, after some seconds."""
        record = {'hash': self.hash(stage), 'seconds': seconds, 'finished': time.time()}
        write_json(self.done / stage.name, record)
        (self.started / stage.name).unlink(missing_ok=True)

    def hash(self, stage: Stage) -> str:
        """Hash of a stage's command, the settings of its configs and the records it builds on.

        The paths of this machine are left out: a folder that was moved stays finished.
        """
        records = [(self.done / need).read_text() for need in sorted(stage.needs)]
        command = self.values.portable(stage.command)
        settings = [self._settings(path) for path in _configs(command, self.values.root)]
        basis = json.dumps([command, *settings, *records])
        return hashlib.sha256(basis.encode()).hexdigest()

    def _read(self, name: str) -> dict[str, Any] | None:
        """The record of a finished stage; None where there is none that can be read."""
        try:
            record = json.loads((self.done / name).read_bytes())
            return {**record, 'hash': str(record['hash']), 'seconds': float(record['seconds'])}
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _settings(self, path: Path) -> str:
        if path not in self._known:
            self._known[path] = settings_hash(read_config(str(path)))
        return self._known[path]


def _configs(command: str, root: Path) -> list[Path]:
    """The files ``configs/**.py`` that a command names, alone or as the value of an option.

    Those that the folder has not are those of this installation.
    """
    try:
        words = shlex.split(command)
    except ValueError:  # it may be right for bash
        words = command.split()
    options = [word.partition('=')[2] for word in words]
    paths = [Path(path) for pair in zip(words, options, strict=True) for path in pair]
    configs = [path for path in paths if path.suffix == '.py' and 'configs' in path.parts]
    places = [(root / path, HOME / path) for path in configs]  # the folder's own comes first
    return [next(filter(Path.is_file, both)) for both in places if any(map(Path.is_file, both))]


def _set_aside(folder: Path) -> None:
    """Move a folder to ``<folder>.old``, in the place of an older one."""
    if folder.exists():
        old = folder.with_name(f'{folder.name}.old')
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
