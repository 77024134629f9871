"""Tensors of TorchScript archives are read, and nothing in such a file is run."""

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from mmlevelset.fileio import torchscript
from mmlevelset.fileio.checkpoints import load_checkpoint_file

pytestmark = pytest.mark.filterwarnings('ignore:.torch.jit:DeprecationWarning')


class Net(nn.Module):
    """Parameters, buffers, a shared tensor, lists and plain attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 4).half(), nn.BatchNorm1d(4))
        self.tied = self.inner[0].weight
        self.register_buffer('view', torch.arange(12).view(3, 4).t()[1:])
        self.register_buffer('nothing', torch.zeros(0, 5))
        self.register_buffer('yes', torch.tensor(True))
        self.sizes: list[int] = [1, 2]
        self.scale = 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.sizes[0]


def saved(path: Path) -> dict[str, torch.Tensor]:
    net = Net()
    torch.jit.script(net).save(str(path))
    return net.state_dict()


def rewritten(source: Path, target: Path, name: str, data: bytes) -> Path:
    """The archive with other bytes in one of its files."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, 'w') as new:
        for entry in old.namelist():
            new.writestr(entry, data if entry.endswith(name) else old.read(entry))
    return target


def test_all_tensors_by_their_names(tmp_path: Path) -> None:
    expected = saved(tmp_path / 'net.pt')
    found = load_checkpoint_file(tmp_path / 'net.pt')
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=0, atol=0)
    on_meta = load_checkpoint_file(tmp_path / 'net.pt', 'meta')
    assert all(value.is_meta for value in on_meta.values())


class Hostile:
    def __init__(self, call, *args) -> None:
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


@pytest.mark.parametrize(
    'content, said',
    [
        (Hostile(Path.touch, Path('touched')), 'is no module'),
        (Hostile(eval, '1'), 'is no module'),
        ([1, 2], 'expected a module'),
    ],
    ids=['pathlib', 'eval', 'list'],
)
def test_other_content_is_refused(content, said: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / 'net.pt')
    data = pickle.dumps(content, protocol=2)
    path = rewritten(tmp_path / 'net.pt', tmp_path / 'bad.pt', '/data.pkl', data)
    with pytest.raises(ValueError, match=said):
        load_checkpoint_file(path)
    assert not Path('touched').exists()


def test_no_file_changes_what_the_next_one_is_read_by(tmp_path: Path) -> None:
    """A state of pickle's second kind, given to the class of modules and not to one of them."""
    saved(tmp_path / 'net.pt')
    before = dict(vars(torchscript._Module))
    on_class = b'\x80\x02c__torch__\nNet\nN}X\x05\x00\x00\x00extraK\x01s\x86b.'
    on_module = b'\x80\x02c__torch__\nNet\n)\x81N}X\x05\x00\x00\x00extraK\x01s\x86b.'
    for data in (on_class, on_module):
        path = rewritten(tmp_path / 'net.pt', tmp_path / 'bad.pt', '/data.pkl', data)
        with pytest.raises(ValueError, match='bad.pt'):
            load_checkpoint_file(path)
    assert dict(vars(torchscript._Module)) == before


def test_damage_is_noticed(tmp_path: Path) -> None:
    saved(tmp_path / 'net.pt')
    with pytest.raises(ValueError, match='bytes'):
        load_checkpoint_file(
            rewritten(tmp_path / 'net.pt', tmp_path / 'short.pt', '/data/0', b'123')
        )
    with zipfile.ZipFile(tmp_path / 'net.pt') as archive:
        program = archive.read(next(n for n in archive.namelist() if n.endswith('/data.pkl')))
    # The first weight, (4, 3): its size in the program becomes (127, 3).
    large = program.replace(b'K\x04K\x03t', b'K\x7fK\x03t', 1)
    assert large != program
    with pytest.raises(ValueError, match='larger than what the file holds'):
        load_checkpoint_file(
            rewritten(tmp_path / 'net.pt', tmp_path / 'large.pt', '/data.pkl', large)
        )
