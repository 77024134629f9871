"""Run the stages of a pipeline as subprocesses, and resume at the first unfinished one.

A config holds ``work_dir`` and ``stages``, or a ``recipe`` that makes them, see
:mod:`~mmlevelset.pipeline.recipes`. ``stages`` is a list of dicts with

* ``name``: also the name of its log, ``<work_dir>/logs/<name>.log``;
* ``command``: one shell command, run from the repository root. ``{work_dir}``, ``{python}`` and
  ``{key}`` for every top-level text, number or list of texts of the config are filled in, a text as one
  word of the shell and a list as several;
* ``done`` (optional): a file that must exist afterwards;
* ``makes`` (optional): the folder in ``work_dir`` that it fills. What it finds there from an earlier
  start is moved to ``<folder>.old``, unless that start had the same command and basis and was interrupted:
  otherwise ``--resume`` would go on with a model or maps of other settings;
* ``needs`` (optional): names of earlier stages it waits for; default: the one before it.

A finished stage leaves a record that knows its command, the settings in the configs that the command
names (``configs/**.py``), and the records it was built on. So a changed command or config, or a stage run
again, makes everything that depends on it run again.
"""

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from mmlevelset.fileio.lock import LOCK, folder_lock

from .progress import Progress
from .records import Records
from .shell import PATIENCE, Shell, stop
from .stages import Stage, Values, read_stages

TAIL_LINES = 30  # of a failed stage's log, printed
KILLED = ', killed from outside, perhaps for want of memory'
POLL = 0.1  # seconds between two looks at the running stages


class _Job(NamedTuple):
    stage: Stage
    process: subprocess.Popen
    started: float


class Pipeline:
    """Stages in the order of the config, and what is known about them.

    Args:
        cfg (dict): The stages and their values (module docstring).
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
        self.values = Values(cfg, root, self.work_dir)
        self.stages = read_stages(cfg['stages'], self.values)
        self.records = Records(self.work_dir, self.values)

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
        unfinished = self.unfinished()
        if only is not None:
            plan = [self.stages[names.index(only)]]
        elif first is not None:
            plan = self.stages[names.index(first) :]
        else:
            return [stage for stage in self.stages if stage.name in unfinished]
        missing = {need for stage in plan for need in stage.needs} & unfinished
        missing -= {stage.name for stage in plan}
        if missing:
            raise ValueError(
                f'{plan[0].name!r} builds on {sorted(missing)}, not finished with the present '
                'commands; run those first, or the pipeline without --from and --only'
            )
        return plan

    def unfinished(self) -> set[str]:
        """Names of the stages that never finished, or whose command or basis has changed."""
        return self.records.unfinished(self.stages)

    def run(self, plan: list[Stage], jobs: int = 1) -> bool:
        """Run stages, each when those it needs are done; after a failure, start no more.

        Args:
            plan (list[Stage]): From :meth:`plan`.
            jobs (int): Stages that may run at the same time.

        Returns:
            bool: Whether all finished. The end of a failed stage's log has been printed on stderr.

        Raises:
            ValueError: Another pipeline runs in ``work_dir``.
        """
        with ExitStack() as stack:
            held = self._lock(stack)
            shell = stack.enter_context(Shell(self.root, held))
            damaged, seconds = self.records.damaged(plan), self.records.seconds(self.stages)
            self.records.forget(plan)
            total = len(self.stages)
            done = total - len(self.unfinished())
            progress = stack.enter_context(Progress(plan, total, done, seconds, jobs))
            for name in damaged:
                progress.note(f'again   {name}: its record in {self.records.done} is damaged')
            return self._schedule(plan, jobs, shell, progress)

    def _lock(self, stack: ExitStack) -> Any:
        """Lock the pipeline's records; the stages of a killed pipeline are given time to end."""
        folder, end = self.records.done, time.monotonic() + PATIENCE + 5
        while True:
            try:
                return stack.enter_context(folder_lock(folder))
            except ValueError:
                if _holder_lives(folder / LOCK) or time.monotonic() > end:
                    raise
                time.sleep(POLL)

    def _schedule(self, plan: list[Stage], jobs: int, shell: Shell, progress: Progress) -> bool:
        waiting, running, reports = list(plan), list[_Job](), list[str]()
        try:
            while running or (waiting and not reports):
                blocked = {stage.name for stage in waiting} | {job.stage.name for job in running}
                ready = [stage for stage in waiting if not blocked & set(stage.needs)]
                for stage in [] if reports else ready[: jobs - len(running)]:
                    waiting.remove(stage)
                    running.append(self._start(stage, shell))
                    progress.started(stage.name, self._log(stage.name))
                for job in [job for job in running if job.process.poll() is not None]:
                    running.remove(job)
                    reports += self._finish(job, progress)
                progress.show()
                time.sleep(POLL)
        finally:
            for job in running:
                stop(job.process)
        for report in reports:
            progress.error(report)
        return not reports

    def _start(self, stage: Stage, shell: Shell) -> _Job:
        self.records.start(stage)
        process = shell.start(self.values.command(stage.command), self._log(stage.name))
        return _Job(stage, process, time.time())

    def _finish(self, job: _Job, progress: Progress) -> list[str]:
        """Record the end of a stage; returns what to say of a failed one."""
        stage, seconds, status = job.stage, time.time() - job.started, job.process.returncode
        done = self.values.path(stage.done) if stage.done else None
        if status or (done and not done.exists()):
            log = self._log(stage.name)
            progress.failed(stage.name, log)
            why = f'exit status {status}' if status else f'it ended well but left no {done}'
            why += KILLED if status == 128 + signal.SIGKILL else ''
            tail = log.read_text(errors='replace').splitlines()[-TAIL_LINES:]
            tail = tail if status else [*tail, f'{stage.name}: error: {why}']
            return ['\n'.join([f'FAILED  {stage.name}: {why}; the end of {log}:', *tail])]
        self.records.finish(stage, seconds)
        progress.finished(stage.name, seconds)
        return []

    def _log(self, name: str) -> Path:
        return self.work_dir / 'logs' / f'{name}.log'


def _holder_lives(lock: Path) -> bool:
    """Whether the process that a lock names still runs."""
    pid = lock.read_text(encoding='utf-8').partition(':')[0]
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
