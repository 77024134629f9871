"""Collects what a check finds and prints it: errors, warnings and what is fine."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mmlevelset.fileio.ids import preview, read_split
from mmlevelset.parallel import parallel

from .files import Finding, Pair, inspect

SAMPLES = 256  # masks that are decoded
TOLD = 5  # wrong labels of a mask


class Report:
    """Lines of a check.

    Attributes:
        errors (list[str]): What training or evaluation would stumble over.
        warnings (list[str]): What is unusual but works.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self._reported: set[tuple[str, str]] = set()

    def ok(self, text: str) -> None:
        """Print what is as it should be."""
        print(f'  ok       {text}')

    def warn(self, text: str) -> None:
        """Print and keep what is unusual but works."""
        self.warnings.append(text)
        print(f'  warning  {text}')

    def error(self, text: str) -> None:
        """Print and keep what a training or an evaluation would stumble over."""
        self.errors.append(text)
        print(f'  ERROR    {text}')

    def count(self, subject: str, got: int, want: int, hint: str) -> None:
        """Compare a number with the one of a complete data set; another one is an error."""
        if got == want:
            self.ok(f'{subject}: {got:,}')
        else:
            self.error(f'{subject}: {got:,}, expected {want:,}. {hint}')

    def root(self, path: Path, names: Sequence[str], hint: str) -> bool:
        """Whether a folder holds anything of a data set; if not, the path itself is wrong."""
        there = any((path / name).exists() for name in names)
        if not there:
            self.error(f'{path}: not the folder of the data, it has no {" / ".join(names)}. {hint}')
        return there

    def folder(self, path: Path, hint: str) -> bool:
        """Whether a folder exists."""
        if not path.is_dir():
            self.error(f'{path}: folder not found. {hint}')
        return path.is_dir()

    def split(
        self, path: Path, want: int, hint: str, same: Callable[[str], str] = str
    ) -> list[str]:
        """Read a list and compare its length; an empty list if it cannot be read."""
        try:
            ids = read_split(path, same)
        except (FileNotFoundError, ValueError) as error:
            self.error(f'{error} {hint}')
            return []
        self.count(path.name, len(ids), want, hint)
        return ids

    def present(self, folder: Path, names: Iterable[str], hint: str) -> set[str]:
        """Compare a folder with the names it must hold; those that are there."""
        names = list(names)
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        missing = [name for name in names if name not in there]
        if missing:
            self.error(f'{folder} lacks {preview(missing)} of {len(names):,}. {hint}')
        elif names:
            self.ok(f'{folder}: all {len(names):,} files that the lists name')
        return there.intersection(names)

    def files(self, pairs: Sequence[Pair], what: str, num_labels: int, jobs: int) -> list[Finding]:
        """Inspect images and masks; labels of a sample must be 0..num_labels - 1 or 255.

        What is wrong with an image is said once, however many folders of masks it has.
        """
        found = list(parallel(inspect, pairs, len(pairs), f'  {what}', jobs))
        problems: dict[str, list[str]] = {}
        for pair, finding in zip(pairs, found, strict=True):
            for kind, detail in finding.problems:
                if (kind, detail) not in self._reported:
                    problems.setdefault(kind, []).append(detail)
            self._reported.update(finding.problems)
            wrong = finding.labels[(finding.labels >= num_labels) & (finding.labels != 255)]
            if len(wrong):
                kind = f'masks with labels other than 0..{num_labels - 1} and 255'
                more = ', …' if len(wrong) > TOLD else ''
                told = ', '.join(map(str, wrong[:TOLD].tolist()))
                problems.setdefault(kind, []).append(f'{pair.mask}: [{told}{more}]')
        for kind, details in problems.items():
            self.error(f'{what}: {len(details)} {kind}: {"; ".join(details[:3])}')
        if not problems and not any(finding.problems for finding in found):
            decoded = sum(pair.decode for pair in pairs)
            grey = sum(finding.grey for finding in found)
            self.ok(f'{what}: headers and ends fit, labels of {decoded} masks, {grey} grey images')
        return found

    def summary(self) -> str:
        """Say how many errors and warnings there are."""
        counts = dict(error=len(self.errors), warning=len(self.warnings))
        return ', '.join(f'{n} {word}{"s" * (n != 1)}' for word, n in counts.items())


def sampled(count: int) -> np.ndarray:
    """Which of ``count`` masks to decode: :data:`SAMPLES` of them, evenly spread, (count,) bool."""
    chosen = np.zeros(count, bool)
    chosen[np.linspace(0, count - 1, min(SAMPLES, count), dtype=int)] = True
    return chosen
