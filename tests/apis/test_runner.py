"""What a training writes: its log, and checkpoints that are whole or not there."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from mmengine.runner import save_checkpoint

from mmlevelset.fileio.checkpoints import load_checkpoint_file


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def with_model(toy: Path, name: str, change: str) -> None:
    """Let the toy config train a model with a line more in its constructor."""
    (toy / f'toy_{name}.py').write_text(
        'import torch\nfrom mmengine.registry import MODELS\nfrom toy_line import Line\n'
        f'@MODELS.register_module(name="{name}", force=True)\nclass Changed(Line):\n'
        f'    def __init__(self):\n        super().__init__()\n        {change}\n'
    )
    config = (toy / 'toy.py').read_text().replace("'toy_line'", f"'toy_line', 'toy_{name}'")
    (toy / 'toy.py').write_text(config.replace("type='Line'", f"type='{name}'"))


def test_a_checkpoint_without_room(tmp_path: Path) -> None:
    """The older file stays as it was, nothing is left beside it, and the error names it."""
    path = tmp_path / 'epoch_1.pth'
    save_checkpoint(dict(state_dict=dict(x=torch.ones(9))), str(path))
    with limited(20_000), pytest.raises(OSError, match=r"epoch_1.pth'$") as stop:
        save_checkpoint(dict(state_dict=dict(x=torch.zeros(10_000))), str(path))
    assert stop.value.errno == errno.EFBIG
    assert [file.name for file in tmp_path.iterdir()] == ['epoch_1.pth']
    assert load_checkpoint_file(path)['state_dict']['x'].tolist() == [1] * 9


def test_a_training_without_room(toy: Path, refuse, tool) -> None:
    """The sentence names file and cure; with room the training goes on from the checkpoint before."""
    with_model(toy, 'big', "self.register_buffer('x', torch.ones(99_999))")
    with limited(200_000):
        text = refuse('train.py', 'toy.py', '--work-dir', 'w')
    assert 'iter_2.pth' in text and 'Free some space' in text and '--resume' in text
    assert not list((toy / 'w').glob('*.pth')) and not list((toy / 'w').glob('*.tmp'))
    tool('train.py', 'toy.py', '--work-dir', 'w', '--resume')
    assert (toy / 'w/iter_4.pth').is_file()


def test_frozen_parameters_are_counted(toy: Path, tool) -> None:
    """One line, not one for each; other warnings stay."""
    with_model(toy, 'frozen', 'self.layer.bias.requires_grad_(False)')
    tool(
        'train.py',
        'toy.py',
        '--work-dir',
        'w',
        '--cfg-options',
        'optim_wrapper.paramwise_cfg.bias_lr_mult=1',
        'experiment_name=frozen',
    )
    text = next((toy / 'w').rglob('*.log')).read_text()
    assert '1 of 2 tensors of the model are frozen' in text
    assert 'is skipped since its requires_grad' not in text


def test_nothing_to_resume_is_said_in_the_log(toy: Path, tool) -> None:
    """Whether the command line or the config wants it."""
    for work, words in dict(
        a=['--resume', '--cfg-options'], b=['--cfg-options', 'resume=True']
    ).items():
        tool('train.py', 'toy.py', '--work-dir', work, *words, f'experiment_name={work}')
        text = next((toy / work).rglob('*.log')).read_text()
        said = f'there is no checkpoint in {work} to resume: the training starts at its beginning'
        assert text.count(said) == 1


def test_a_folder_with_another_training_is_said(toy: Path, tool) -> None:
    """It starts again as it was told to; what then lies side by side is named in the log."""
    said = 'holds checkpoints of another training, e.g. iter_4.pth'
    for arguments, number in (((), 0), ((), 1), (('--resume',), 1)):
        name = f'experiment_name=run{len(list((toy / "w").rglob("*.log")))}'
        tool('train.py', 'toy.py', '--work-dir', 'w', *arguments, '--cfg-options', name)
        text = ''.join(path.read_text() for path in (toy / 'w').rglob('*.log'))
        assert text.count(said) == number
