"""How far a pipeline is: a live bar on a terminal, plain lines elsewhere."""

import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape

BAR_WIDTH = 24  # characters
HEARTBEAT = 60.0  # seconds between two lines where there is no terminal


def clock(seconds: float) -> str:
    """``h:mm:ss`` or ``m:ss`` of a duration in seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{seconds:02}' if hours else f'{minutes}:{seconds:02}'


def last_line(log: Path) -> str:
    """Last line with text of a file that grows; a progress bar's carriage return ends a line."""
    with log.open('rb') as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors='replace').replace('\r', '\n').split('\n')
    return next((line.strip() for line in reversed(lines) if line.strip()), '')


class Progress:
    """Elapsed time, remaining time and the last line of what runs.

    Args:
        total (int): Stages of the pipeline.
        done (int): Finished before.
        seconds (list[float]): What earlier stages took; the remaining ones count as their mean.
    """

    def __init__(self, total: int, done: int, seconds: list[float]) -> None:
        self.total, self.done, self.seconds = total, done, list(seconds)
        self.start = self.beat = time.time()
        self.console = Console(highlight=False, soft_wrap=True)
        self.live = Live(console=self.console, transient=True, auto_refresh=False)
        if self.console.is_terminal:
            self.live.start()

    def started(self, name: str) -> None:
        self._print(f'start   {name}')

    def finished(self, name: str, seconds: float) -> None:
        self.done += 1
        self.seconds.append(seconds)
        self._print(f'done    {name} in {clock(seconds)}')

    def failed(self, name: str, report: str) -> None:
        self._print(f'FAILED  {name}\n{report}')

    def show(self, running: list[tuple[str, Path]]) -> None:
        """Refresh with the names and logs of the running stages."""
        terminal = self.console.is_terminal
        if not terminal and time.time() - self.beat < HEARTBEAT:
            return
        self.beat = time.time()
        filled = BAR_WIDTH * self.done // self.total
        bar = '#' * filled + '.' * (BAR_WIDTH - filled)
        elapsed = clock(time.time() - self.start)
        lines = [f'[{bar}] {self.done}/{self.total}  {elapsed}{self._eta()}']
        lines += [f'{name}: {last_line(log)}' for name, log in running]
        if terminal:
            width = self.console.width - 1
            self.live.update('\n'.join(escape(line[:width]) for line in lines), refresh=True)
        else:
            self._print('\n'.join(lines))

    def close(self) -> None:
        self.live.stop()

    def _eta(self) -> str:
        if not self.seconds:
            return ''
        left = (self.total - self.done) * sum(self.seconds) / len(self.seconds)
        return f', about {clock(left)} left'

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False)
