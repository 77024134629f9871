"""Which checkpoint a resumed training finds."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmlevelset.apis import last_checkpoint, set_resume


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Three checkpoints; ``last_checkpoint`` holds an absolute path, as mmengine writes it."""
    folder = tmp_path / 'work'
    folder.mkdir()
    for epoch in (2, 9, 10):
        torch.save(dict(state_dict=dict(a=torch.rand(100))), folder / f'epoch_{epoch}.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_10.pth'))
    return folder


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # one bit of a weight, which torch.load does not notice
    path.write_bytes(content)


def test_moved_and_copied_folders(work, tmp_path) -> None:
    shutil.copytree(work, tmp_path / 'copy')
    assert last_checkpoint(tmp_path / 'copy') == tmp_path / 'copy/epoch_10.pth'
    work.rename(tmp_path / 'moved')
    assert last_checkpoint(tmp_path / 'moved') == tmp_path / 'moved/epoch_10.pth'


def test_checkpoints_kept_in_another_folder(work, tmp_path) -> None:
    """``out_dir`` of the CheckpointHook."""
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/last_checkpoint').write_text(str(work / 'epoch_9.pth'))
    assert last_checkpoint(tmp_path / 'run') == work / 'epoch_9.pth'


@pytest.mark.parametrize('content', [None, b'', b'\n', b'/gone/epoch_11.pth', b'\xff\xfe'])
def test_a_pointer_that_leads_nowhere(work, content, capfd) -> None:
    """By number, not by name: 10 is after 9."""
    pointer = work / 'last_checkpoint'
    pointer.unlink() if content is None else pointer.write_bytes(content)
    assert last_checkpoint(work) == work / 'epoch_10.pth'
    assert 'the newest checkpoint in the folder' in ''.join(capfd.readouterr())


@pytest.mark.parametrize('how', [damage, lambda path: path.write_bytes(path.read_bytes()[:900])])
def test_damaged_checkpoints(work, how, capfd) -> None:
    how(work / 'epoch_10.pth')
    assert last_checkpoint(work) == work / 'epoch_9.pth'
    assert 'epoch_10.pth is no checkpoint of tensors, or damaged' in ''.join(capfd.readouterr())
    for epoch in (2, 9):
        how(work / f'epoch_{epoch}.pth')
    with pytest.raises(ValueError, match='none of its 3 checkpoints can be read .*epoch_10'):
        last_checkpoint(work)
    # Killed while it saved the first one: nothing is lost.
    (work / 'last_checkpoint').unlink()
    assert last_checkpoint(work) is None


def test_only_older_ones_stand_in(work) -> None:
    """What lies there from a longer training is not taken up by accident."""
    (work / 'last_checkpoint').write_text('epoch_9.pth')
    damage(work / 'epoch_9.pth')
    assert last_checkpoint(work) == work / 'epoch_2.pth'


def test_set_resume(work, tmp_path) -> None:
    cfg = Config(dict(work_dir=str(work), load_from='weights.pth'))
    set_resume(cfg)
    assert cfg.resume and cfg.load_from == str(work / 'epoch_10.pth')
    cfg = Config(dict(work_dir=str(tmp_path / 'none'), load_from='weights.pth'))
    set_resume(cfg)
    assert not cfg.resume and cfg.load_from == 'weights.pth'
