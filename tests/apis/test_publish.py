"""Published checkpoints: the weights alone, in two formats that give the same predictions everywhere."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import load_checkpoint
from mmseg.apis import init_model

from mmlevelset.apis import LevelSetInferencer, publish_checkpoint, read_checkpoint
from mmlevelset.config import settings_hash
from mmlevelset.fileio.checkpoints import load_checkpoint_file
from mmlevelset.refine.model import load_model
from tests.apis.own_pictures import CLASSES, full_config, write_config, write_pictures
from tests.models.small_hosts import build_host

pytest.importorskip('safetensors')


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, a config, and a checkpoint as a training leaves it."""
    root = write_pictures(tmp_path_factory.mktemp('published'))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_config(full_config(root, 'cam', True))
    model = build_host('cam', True)
    head = model.auxiliary_head.auto_background
    head.histogram[0, [20, 100]] = head.histogram[1, [20, 100]] = 1.0
    head.histogram[2, [120, 250]] = 1.0
    zeros = model.auxiliary_head.auto_zero.histogram
    zeros[0, [10, 160 + 60, -1]] = 1.0  # outside the mask at -0.875, inside from -0.25 on
    model.auxiliary_head.auto_guidance.moments[0] = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.2])
    optimizer = dict(state={0: dict(exp_avg=torch.zeros(1000))}, param_groups=[])
    meta = dict(epoch=3, iter=60, cfg='raise SystemExit', dataset_meta=dict(classes=CLASSES))
    state = {f'module.{key}': value for key, value in model.state_dict().items()}
    content = dict(state_dict=state, optimizer=optimizer, meta=meta, message_hub={})
    torch.save(content, root / 'epoch_3.pth')
    return root


@pytest.fixture(scope='module')
def files(root: Path) -> list[Path]:
    cfg = full_config(root, 'cam', True)
    object.__setattr__(cfg, '_filename', str(root / 'config.py'))
    return publish_checkpoint(cfg, root / 'epoch_3.pth', root / 'out/cam')


def test_names_and_content(root, files):
    assert [file.suffix for file in files] == ['.pth', '.safetensors']
    for file in files:
        stem, _, digest = file.stem.rpartition('-')
        assert stem == 'cam' and hashlib.sha256(file.read_bytes()).hexdigest().startswith(digest)
        state = load_checkpoint_file(file)
        assert set(state) == {'state_dict', 'meta'} and 'cfg' not in state['meta']
        assert state['meta']['dataset_meta']['classes'] == CLASSES
        assert (state['meta']['epoch'], state['meta']['iter']) == (3, 60)
        assert state['meta']['backgrounds'] == dict(a=0.235, b=0.235, c=0.725)
        assert state['meta']['zeros'] == dict(a=-0.125, b=0.0, c=0.0)
        assert state['meta']['guidance'] == dict(a=0.3, b=0.0, c=0.0)
        cfg = full_config(root, 'cam', True)
        assert state['meta']['config_hash'] == settings_hash(cfg)
        assert state['meta']['config'] == 'config.py' and state['meta']['versions']['torch']
        given = torch.load(root / 'epoch_3.pth', weights_only=True)['state_dict']
        assert {f'module.{key}' for key in state['state_dict']} == set(given)
        for key, value in state['state_dict'].items():
            assert torch.equal(value, given[f'module.{key}'])


def test_everyone_takes_them(root, files, tool, monkeypatch):
    """tools/test.py, load_from, the inferencer, refiners, mmsegmentation, converters."""
    monkeypatch.chdir(root)
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, None))  # slow
    picture, path = str(root / 'JPEGImages/one.jpg'), str(files[1])
    results = [
        LevelSetInferencer('config.py', str(file), 'cpu')(picture, ['a'])[0].scores
        for file in (root / 'epoch_3.pth', *files)
    ]
    names = load_checkpoint_file(path)['state_dict'].keys()
    assert load_model('config.py', path).state_dict().keys() == names
    assert read_checkpoint(path).keys() == names
    model = build_host('cam', True)
    torch.nn.init.zeros_(model.decode_head.conv_seg.weight)
    load_checkpoint(model, path, map_location='cpu', strict=True)  # as `load_from` does
    assert model.decode_head.conv_seg.weight.any()
    assert init_model('config.py', path, device='cpu').dataset_meta['classes'] == CLASSES
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])
    tool('test.py', 'config.py', str(files[1]), '--work-dir', 'w', '--seeds-only', 'seeds')
    assert json.loads(Path('seeds/meta.json').read_text())['weights'] == str(files[1])


def test_command(root, tool, monkeypatch, capsys):
    monkeypatch.chdir(root)
    tool('misc/publish_model.py', 'config.py', 'epoch_3.pth', 'again/cam')
    written = sorted(path.suffix for path in Path('again').iterdir())
    assert written == ['.pth', '.safetensors'] and 'MB' in capsys.readouterr().out


@pytest.mark.parametrize('place', [4, 200, -3])
def test_damage_is_noticed(files, tmp_path, place):
    """In the header as well as in the tensors."""
    content = bytearray(files[1].read_bytes())
    content[place] ^= 0x40
    (tmp_path / 'x.safetensors').write_bytes(content)
    with pytest.raises(ValueError, match='x.safetensors is no checkpoint of tensors, or damaged'):
        load_checkpoint_file(tmp_path / 'x.safetensors')
    (tmp_path / 'x.safetensors').write_bytes(files[1].read_bytes()[:1000])
    with pytest.raises(ValueError, match='or damaged'):
        load_checkpoint_file(tmp_path / 'x.safetensors')


def test_a_pickle_under_the_name_is_not_read(tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'x.safetensors')
    with pytest.raises(ValueError, match='no checkpoint of tensors'):
        load_checkpoint_file(tmp_path / 'x.safetensors')


def test_what_cannot_be_published(root, tmp_path):
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='other.pth has no weights for'):
        publish_checkpoint(full_config(root, 'cam', True), tmp_path / 'other.pth', tmp_path / 'x')
    assert not list(tmp_path.glob('x*'))


def test_files_of_others(tmp_path):
    """A file of safetensors that states neither meta data nor a hash."""
    save_file = pytest.importorskip('safetensors.torch').save_file
    save_file(dict(weight=torch.arange(3.0)), tmp_path / 'x.safetensors')
    state = load_checkpoint_file(tmp_path / 'x.safetensors')
    assert state['meta'] == {} and state['state_dict']['weight'].tolist() == [0, 1, 2]
