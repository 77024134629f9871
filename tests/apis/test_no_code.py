"""Code planted in any kind of file that the commands read is never run."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.model import BaseModule
from mmengine.runner import load_checkpoint
from torch import nn

from mmlevelset import compat
from mmlevelset.apis import last_checkpoint, read_checkpoint
from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.fileio.foreign_seeds import read_foreign_seed
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.images import read_image
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.legacy_npy import load_legacy_npy
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.fileio.soft import read_soft


class Attack:
    """Makes the folder ``harm`` when a pickle of it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder / 'harm'),)


def as_checkpoint(path: Path, attack: Attack) -> None:
    torch.save(dict(state_dict=dict(weight=torch.zeros(1)), meta=attack), path)


def as_old_checkpoint(path: Path, attack: Attack) -> None:
    torch.save(dict(state_dict={}, meta=attack), path, _use_new_zipfile_serialization=False)


def as_pickle(path: Path, attack: Attack) -> None:
    path.write_bytes(pickle.dumps(attack))


def as_npy(path: Path, attack: Attack) -> None:
    np.save(path.open('wb'), np.array({0: attack}, object))


def as_npz(path: Path, attack: Attack) -> None:
    bad = np.array([attack], object)
    np.savez(path.open('wb'), keys=bad, cam=bad, scores=bad, soft=bad, size=bad)


def as_text(path: Path, attack: Attack) -> None:
    path.write_text(f'__import__("os").mkdir({str(attack.folder / "harm")!r})\n')


def as_json(path: Path, attack: Attack) -> None:
    code = f'__import__("os").mkdir({str(attack.folder / "harm")!r})'
    path.write_text(json.dumps(dict(kind=code, labels={'a': [code]}, py=dict(eval=code))))


def init_cfg(path: Path) -> None:
    BaseModule(dict(type='Pretrained', checkpoint=str(path))).init_weights()


def pointer(path: Path) -> None:
    """``last_checkpoint`` is a name; what it names is a checkpoint of code."""
    work = path.parent / 'work'
    work.mkdir()
    (work / 'last_checkpoint').write_bytes(path.read_bytes())
    as_checkpoint(work / 'epoch_1.pth', Attack(path.parent))
    last_checkpoint(work)


CHECKPOINTS = [as_checkpoint, as_old_checkpoint, as_pickle]
CASES = [
    *((write, name, read) for write in CHECKPOINTS for name, read in (
        ('a.pth', read_checkpoint),  # the converters
        ('a.pth', lambda path: load_checkpoint(nn.Linear(1, 1), str(path))),  # load_from, --resume, test
        ('a.pth', init_cfg),
        ('a.pth', pointer),
    )),
    *((write, 'a.npz', read) for write in (as_npz, as_pickle) for read in (read_seed, read_soft)),
    *((write, 'a.npy', read) for write in (as_npy, as_pickle)
      for read in (load_legacy_npy, read_foreign_seed, lambda p: read_image_labels(p, ['a'], ['x', 'y']))),
    *((write, 'a.json', lambda p: read_image_labels(p, ['a'], ['x', 'y'])) for write in (as_json, as_pickle)),
    *((write, 'meta.json', lambda p: read_meta(p.parent)) for write in (as_json, as_pickle)),
    *((write, 'a.txt', read_split) for write in (as_text, as_pickle)),
    *((as_pickle, 'a.png', read) for read in (read_label, read_image)),
    (as_text, 'a.pth', pointer),
]  # fmt: skip


@pytest.mark.parametrize(('write', 'name', 'read'), CASES)
def test_no_code_is_run(
    tmp_path: Path, write: Callable, name: str, read: Callable[[Path], Any]
) -> None:
    compat.setup()
    write(tmp_path / name, Attack(tmp_path))
    try:
        read(tmp_path / name)
    except (ValueError, FileNotFoundError) as error:
        assert name in str(error) or 'epoch_1.pth' in str(error)
    assert not (tmp_path / 'harm').exists()


@pytest.mark.parametrize('write', [*CHECKPOINTS, as_npy, as_pickle])
def test_the_planted_code_is_real(tmp_path: Path, write: Callable) -> None:
    """The control: a reader that trusts its file makes the folder."""
    write(tmp_path / 'a', Attack(tmp_path))
    if write is as_npy:
        np.load(tmp_path / 'a', allow_pickle=True)
    elif write is as_pickle:
        pickle.loads((tmp_path / 'a').read_bytes())
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
            torch.load(tmp_path / 'a', weights_only=False)
    assert (tmp_path / 'harm').exists()


@pytest.mark.parametrize('share', range(0, 100, 9))
def test_damaged_checkpoints_name_their_file(tmp_path: Path, share: int) -> None:
    """A flipped bit or a cut anywhere: refused by name, or the very same tensors."""
    path, weight = tmp_path / 'a.pth', torch.arange(60.0)
    torch.save(dict(state_dict=dict(weight=weight)), path)
    whole = path.read_bytes()
    at = len(whole) * share // 100
    flipped = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
    for content in (whole[:at], flipped):
        path.write_bytes(content)
        try:
            assert torch.equal(read_checkpoint(path)['weight'], weight)
        except ValueError as error:
            assert 'a.pth' in str(error)


@pytest.mark.parametrize('module', ['registry', 'models', 'datasets', 'refine', 'engine'])
def test_our_reader_serves_every_program(module: str) -> None:
    """mmengine imports ``mmlevelset.registry`` for a config; nothing else of ours need be called."""
    code = (
        f'import mmlevelset.{module}; from mmengine.runner import CheckpointLoader as c; '
        "print(c._get_checkpoint_loader('x.pth').__module__)"
    )
    command = [sys.executable, '-c', code]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.split()[-1] == 'mmlevelset.compat'
