"""How far a pipeline is: a live bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from .estimate import remaining_seconds
from .stages import Stage

BAR_WIDTH = 24  # characters
REFRESH = 1.0  # seconds between two looks at the logs, on a terminal
HEARTBEAT = 60.0  # the same where there is no terminal
# Lines of mmengine that stand after the one that says how far a training is.
ASIDE = ('Saving checkpoint at', 'Exp name:')


def clock(seconds: float) -> str:
    """``h:mm:ss`` or ``m:ss`` of a duration in seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{seconds:02}' if hours else f'{minutes}:{seconds:02}'


def last_line(log: Path) -> str:
    """Last line of a file that grows which tells something; a carriage return ends a line, too."""
    with log.open('rb') as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors='replace').replace('\r', '\n').split('\n')
    told = [line.strip() for line in lines if line.strip() and not any(a in line for a in ASIDE)]
    return told[-1] if told else ''


class Progress:
    """Elapsed time, remaining time and the last line of what runs.

    Args:
        plan (Sequence[Stage]): Stages to run.
        total (int): Stages of the pipeline.
        done (int): Those that are finished.
        seconds (Mapping): What finished stages took, by name.
        jobs (int): Stages that may run at the same time.
    """

    def __init__(
        self, plan: Sequence[Stage], total: int, done: int, seconds: Mapping[str, float], jobs: int
    ) -> None:
        self.waiting = {stage.name: stage for stage in plan}
        self.total, self.done, self.jobs = total, done, jobs
        self.seconds = dict(seconds)
        self.running: dict[str, tuple[float, Path]] = {}  # start and log
        self.start = self.beat = time.time()
        self.console = Console(highlight=False, soft_wrap=True)
        self.live = Live(console=self.console, transient=True, auto_refresh=False)

    def __enter__(self) -> 'Progress':
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def note(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False)

    def started(self, name: str, log: Path) -> None:
        """Count a stage as running."""
        self.running[name] = time.time(), log
        self.waiting.pop(name)
        self.note(f'start   {name}')

    def finished(self, name: str, seconds: float) -> None:
        """Count a stage as done."""
        self.running.pop(name)
        self.done += 1
        self.seconds[name] = seconds
        self.note(f'done    {name} in {clock(seconds)}')

    def failed(self, name: str, log: Path) -> None:
        """Say at once that a stage failed; the report follows when all others have ended."""
        self.running.pop(name)
        if self.running:
            self.note(
                f'FAILED  {name}, see {log}; no other stage starts, waiting for those that run'
            )

    def error(self, report: str) -> None:
        """Print the end of a failed stage's log on stderr."""
        self.live.stop()
        Console(stderr=True, highlight=False, soft_wrap=True).print(report, markup=False)

    def show(self) -> None:
        """Refresh the bar, or print it as a line from time to time."""
        now, terminal = time.time(), self.console.is_terminal
        if now - self.beat < (REFRESH if terminal else HEARTBEAT):
            return
        self.beat = now
        filled = BAR_WIDTH * self.done // self.total
        bar = '#' * filled + '.' * (BAR_WIDTH - filled)
        lines = [f'[{bar}] {self.done}/{self.total}  {clock(now - self.start)}{self._left(now)}']
        lines += [f'{name}: {last_line(log)}' for name, (_, log) in self.running.items()]
        if terminal:
            width = self.console.width - 1
            self.live.update('\n'.join(escape(line[:width]) for line in lines), refresh=True)
        else:
            self.note('\n'.join(lines))

    def _left(self, now: float) -> str:
        running = {name: now - start for name, (start, _) in self.running.items()}
        waiting = list(self.waiting.values())
        left = remaining_seconds(waiting, running, self.seconds, self.jobs)
        return '' if left is None else f', about {clock(left)} left'
