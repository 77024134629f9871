"""Run the stages of a pipeline config as subprocesses, and resume at the first unfinished one.

A config holds ``work_dir`` and ``stages``, a list of dicts with

* ``name``: also the name of its log, ``<work_dir>/logs/<name>.log``;
* ``command``: one shell command, run from the repository root. ``{work_dir}``, ``{python}`` and
  ``{key}`` for every top-level string, number or list of strings of the config are filled in;
* ``done`` (optional): a file that must exist afterwards;
* ``makes`` (optional): the folder in ``work_dir`` that it fills. What it finds there from an earlier
  start is moved to ``<folder>.old``, unless that start had the same command and basis and was interrupted:
  otherwise ``--resume`` would go on with a model or maps of other settings;
* ``needs`` (optional): names of earlier stages it waits for; default: the one before it.

A finished stage leaves a marker that knows its command, the settings in the configs that the command
names (``configs/**.py``), and the markers it was built on. So a changed command or config, or a stage run
again, makes everything that depends on it run again.
"""

import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from mmlevelset.config import read_config, settings_hash
from mmlevelset.fileio.atomic import atomic_path, write_json
from mmlevelset.fileio.lock import folder_lock

from .progress import Progress
from .shell import start, stop

TAIL_LINES = 30  # of a failed stage's log, printed
POLL = 0.1  # seconds between two looks at the running stages


@dataclass(frozen=True)
class Stage:
    """One step: its name, its shell command, the file it must leave, the stages it waits for,
    and the folder it fills."""

    name: str
    command: str
    done: str | None
    needs: tuple[str, ...]
    makes: str | None


class _Job(NamedTuple):
    stage: Stage
    process: subprocess.Popen
    started: float


class Pipeline:
    """Stages in the order of the config, and what is known about them.

    Args:
        cfg (dict): The pipeline config (module docstring).
        root (Path): Folder that the commands run in.
        work_dir (str, optional): Comes before ``cfg['work_dir']``.

    Raises:
        ValueError: A stage is not as the module docstring says.
    """

    def __init__(self, cfg: dict[str, Any], root: Path, work_dir: str | None = None) -> None:
        if not cfg.get('stages'):
            raise ValueError('a pipeline config needs stages=[dict(name=..., command=...), ...]')
        if not (work_dir or cfg.get('work_dir')):
            raise ValueError('got no work_dir; set it in the config or give --work-dir')
        self.root = root
        self.work_dir = Path(work_dir or cfg['work_dir']).absolute()
        self.values = {k: t for k, v in cfg.items() if (t := _text(v)) is not None}
        self._known: dict[str, str] = {}  # hashes of the settings, by path of the config
        self.stages = self._read(cfg['stages'])

    def _read(self, entries: list[dict]) -> list[Stage]:
        stages: list[Stage] = []
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
            if makes and self.work_dir not in self.path(makes).parents:
                raise ValueError(
                    f'stage {name!r}: makes must be a folder in {self.work_dir}, got '
                    f'{str(self.path(makes))!r}, which the pipeline will not move out of the way'
                )
            stages.append(Stage(name, command, done, tuple(needs), makes))
        return stages

    def path(self, text: str) -> Path:
        """Fill in ``{work_dir}`` and the config's values; relative to the repository root."""
        return self.root / self._fill(text).replace('{work_dir}', str(self.work_dir))

    def plan(self, first: str | None = None, only: str | None = None) -> list[Stage]:
        """Stages to run, in order.

        Args:
            first (str, optional): Run this stage and all later ones, finished or not.
            only (str, optional): Run this stage, finished or not, and no other.

        Returns:
            list[Stage]: of them, each waits for finished stages or for earlier ones of the list.

        Raises:
            ValueError: No such stage, or one it needs is not finished.
        """
        names = [stage.name for stage in self.stages]
        for name in (first, only):
            if name is not None and name not in names:
                raise ValueError(f'no stage {name!r}; the stages are {", ".join(names)}')
        if only is not None:
            chosen = [names.index(only)]
        elif first is not None:
            chosen = list(range(names.index(first), len(names)))
        else:
            unfinished = self.unfinished()
            return [stage for stage in self.stages if stage.name in unfinished]
        plan = [self.stages[index] for index in chosen]
        missing = {need for stage in plan for need in stage.needs} & self.unfinished()
        missing -= {stage.name for stage in plan}
        if missing:
            raise ValueError(
                f'{plan[0].name!r} builds on {sorted(missing)}, not finished with the present '
                'commands; run those first, or the pipeline without --from and --only'
            )
        return plan

    def unfinished(self) -> set[str]:
        """Names of the stages that never finished, or whose command or basis has changed."""
        names: set[str] = set()
        for stage in self.stages:
            marker = self._marker(stage.name)
            if (
                names & set(stage.needs)
                or not marker.is_file()
                or json.loads(marker.read_text())['hash'] != self._hash(stage)
                or (stage.done and not self.path(stage.done).exists())
            ):
                names.add(stage.name)
        return names

    def run(self, plan: list[Stage], jobs: int = 1) -> bool:
        """Run stages, each when those it needs are done; after a failure, start no more.

        Args:
            plan (list[Stage]): From :meth:`plan`.
            jobs (int): Stages that may run at the same time.

        Returns:
            bool: Whether all finished. The end of a failed stage's log has been printed.

        Raises:
            ValueError: Another pipeline runs in ``work_dir``.
        """
        with folder_lock(self.work_dir / '.done') as held:
            for stage in plan:
                self._marker(stage.name).unlink(missing_ok=True)
            total = len(self.stages)
            progress = Progress(total, total - len(self.unfinished()), self._seconds())
            running: list[_Job] = []
            try:
                return self._schedule(plan, jobs, running, progress, held)
            finally:
                progress.close()
                for job in running:
                    stop(job.process)

    def _schedule(
        self,
        plan: list[Stage],
        jobs: int,
        running: list[_Job],
        progress: Progress,
        held: IO[str],
    ) -> bool:
        waiting, failed = list(plan), False
        while running or (waiting and not failed):
            blocked = {stage.name for stage in waiting} | {job.stage.name for job in running}
            ready = [stage for stage in waiting if not blocked & set(stage.needs)]
            for stage in [] if failed else ready[: jobs - len(running)]:
                waiting.remove(stage)
                running.append(self._start(stage, held))
                progress.started(stage.name)
            for job in [job for job in running if job.process.poll() is not None]:
                running.remove(job)
                failed |= not self._finish(job, progress)
            progress.show([(job.stage.name, self._log(job.stage.name)) for job in running])
            time.sleep(POLL)
        return not failed

    def _start(self, stage: Stage, held: IO[str]) -> _Job:
        started, now = self.work_dir / '.started' / stage.name, self._hash(stage)
        if not started.is_file() or started.read_text() != now:
            if stage.makes:
                _set_aside(self.path(stage.makes))
            with atomic_path(started) as temporary:
                temporary.write_text(now)
        command = self._fill(stage.command)
        command = command.replace('{work_dir}', shlex.quote(str(self.work_dir)))
        command = command.replace('{python}', shlex.quote(sys.executable))
        process = start(command, self._log(stage.name), self.root, held)
        return _Job(stage, process, time.time())

    def _finish(self, job: _Job, progress: Progress) -> bool:
        stage, seconds = job.stage, time.time() - job.started
        problem = f'exit status {job.process.returncode}' if job.process.returncode else None
        if not problem and stage.done and not self.path(stage.done).exists():
            problem = f'it ended well but left no {self.path(stage.done)}'
        if problem:
            log = self._log(stage.name)
            tail = log.read_text(errors='replace').splitlines()[-TAIL_LINES:]
            progress.failed(stage.name, '\n'.join([*tail, f'{problem}; the whole log: {log}']))
            return False
        marker = {'hash': self._hash(stage), 'seconds': seconds, 'finished': time.time()}
        write_json(self._marker(stage.name), marker)
        (self.work_dir / '.started' / stage.name).unlink()
        progress.finished(stage.name, seconds)
        return True

    def _fill(self, text: str) -> str:
        for key, value in self.values.items():
            if key != 'work_dir':
                text = text.replace(f'{{{key}}}', value)
        return text

    def _hash(self, stage: Stage) -> str:
        # Without the paths of this machine: a moved folder stays finished.
        markers = [self._marker(need).read_text() for need in sorted(stage.needs)]
        command = self._fill(stage.command)
        configs = [
            self._settings(path) for path in re.findall(r'[\w./-]*configs/[\w./-]+\.py', command)
        ]
        basis = json.dumps([command, *configs, *markers])
        return hashlib.sha256(basis.encode()).hexdigest()

    def _settings(self, path: str) -> str | None:
        file = self.root / path
        if path not in self._known and file.is_file():
            self._known[path] = settings_hash(read_config(str(file)))
        return self._known.get(path)

    def _seconds(self) -> list[float]:
        markers = [self._marker(stage.name) for stage in self.stages]
        return [json.loads(m.read_text())['seconds'] for m in markers if m.is_file()]

    def _marker(self, name: str) -> Path:
        return self.work_dir / '.done' / name

    def _log(self, name: str) -> Path:
        return self.work_dir / 'logs' / f'{name}.log'


def _set_aside(folder: Path) -> None:
    """Move a folder to ``<folder>.old``, in the place of an older one."""
    if folder.exists():
        old = folder.with_name(f'{folder.name}.old')
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)


def _text(value: Any) -> str | None:
    """What a value of the config is in a command; None for one that does not go into commands."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ' '.join(map(shlex.quote, value))  # brackets and blanks mean something to a shell
    return str(value) if isinstance(value, str | int | float) else None
