"""Time and memory per image of a run, kept in ``<out_dir>/cost.json`` over interruptions."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

from mmlevelset.fileio.atomic import write_json
from mmlevelset.refine.memory import peak_memory

COST = 'cost.json'


@dataclasses.dataclass(frozen=True)
class Cost:
    """What some images cost, reading and writing included.

    Attributes:
        images: How many they are.
        seconds: That they took, one after the other, whichever process they were in.
        cpu_seconds: Of these processes; other work on the machine does not add to it.
        peak_gb: Highest resident memory of one process, in 10^9 bytes; 0 if unknown.
    """

    images: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_gb: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.images + other.images,
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_gb, other.peak_gb),
        )

    def __str__(self) -> str:
        if not self.images:
            return 'no image was measured'
        memory = f'peak memory of a process {self.peak_gb:.2f} GB, ' if self.peak_gb else ''
        return (
            f'{self.seconds / self.images:.2f} s per image, {self.cpu_seconds / self.images:.2f} s '
            f'of them on the CPU; {memory}over {self.images} images'
        )


def measured(work: Callable[[], None]) -> Cost:
    """Do the work of one image; returns what it cost."""
    start, cpu_start = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return Cost(1, seconds, cpu_seconds, (peak_memory() or 0) / 1e9)


def read_cost(out_dir: str | Path) -> Cost:
    """Cost of the images of ``out_dir`` that were measured so far; zero where none was.

    Raises:
        ValueError: If the file is not one of :func:`add_cost`.
    """
    path = Path(out_dir) / COST
    if not path.is_file():
        return Cost()
    try:
        return Cost(**json.loads(path.read_text(encoding='utf-8')))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{path} is damaged ({error}); delete it') from error


def add_cost(out_dir: str | Path, cost: Cost) -> None:
    """Add the cost of more images to ``<out_dir>/cost.json``; of none, leave it as it is."""
    if cost.images:
        write_json(Path(out_dir) / COST, dataclasses.asdict(read_cost(out_dir) + cost))
