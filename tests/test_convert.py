"""Published checkpoints: reading them safely, and fitting them to a model or a part of it."""

import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor

from mmlevelset.apis import convert_checkpoint, convert_state_dict, read_checkpoint
from mmlevelset.config import read_config

ROOT = Path(__file__).resolve().parents[1]
STATE = {'a.weight': torch.arange(6.0).view(2, 3), 'b.weight': torch.ones(4)}
CONFIG = """
default_scope = 'mmseg'
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, num_stages=1,
                  strides=(1,), dilations=(1,), out_indices=(0,)),
    decode_head=dict(type='mmlevelset.CAMHead', in_channels=8, num_classes=3),
)
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / 'config.py').write_text(CONFIG)
    return tmp_path / 'config.py'


@pytest.fixture
def backbone(config: Path) -> dict[str, Tensor]:
    """Random tensors of its backbone, without the counters of batch norm, and a classifier."""
    cfg = read_config(str(config))
    init_default_scope('mmseg')
    shapes = {key: v.shape for key, v in MODELS.build(cfg.model.backbone).state_dict().items()}
    state = {key: torch.rand(shape) for key, shape in shapes.items() if 'tracked' not in key}
    return {**state, 'fc.weight': torch.rand(1000, 8)}


def without_classifier(key: str) -> str | None:
    return None if key.startswith('fc.') else key


@pytest.mark.parametrize(
    'wrap', [dict, lambda s: dict(state_dict=s), lambda s: dict(model=s, epoch=3)]
)
@pytest.mark.parametrize('zipped', [True, False])
def test_local_file(tmp_path, wrap, zipped):
    """Bare or wrapped, in torch's new or old container."""
    torch.save(wrap(STATE), tmp_path / 'a.pth', _use_new_zipfile_serialization=zipped)
    state = read_checkpoint(tmp_path / 'a.pth')
    assert list(state) == list(STATE) and all(torch.equal(state[k], STATE[k]) for k in STATE)


def test_address(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    torch.save(STATE, tmp_path / 'a.pth')
    state = read_checkpoint((tmp_path / 'a.pth').as_uri())
    assert all(torch.equal(state[k], STATE[k]) for k in STATE)
    assert (tmp_path / 'cache/hub/checkpoints/a.pth').is_file()
    with pytest.raises(ValueError, match='none.pth is no checkpoint'):
        read_checkpoint((tmp_path / 'none.pth').as_uri())


@pytest.mark.parametrize('content', [b'<!DOCTYPE html><html>Virus scan warning</html>', b''])
def test_web_page_instead_of_a_checkpoint(tmp_path, content):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match='a.pth is no checkpoint.*cloud drives.*by hand'):
        read_checkpoint(tmp_path / 'a.pth')


def test_code_is_not_run(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'harm'),)

    torch.save(dict(a=Attack()), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a.pth is no checkpoint.*mkdir'):
        read_checkpoint(tmp_path / 'a.pth')
    assert not (tmp_path / 'harm').exists()


def test_other_content(tmp_path):
    torch.save(dict(weights=STATE, epoch=1), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r"a dict with the keys \['weights', 'epoch'\], expected"):
        read_checkpoint(tmp_path / 'a.pth')
    torch.save([1, 2], tmp_path / 'b.pth')
    with pytest.raises(ValueError, match='holds a list, expected'):
        read_checkpoint(tmp_path / 'b.pth')
    with pytest.raises(FileNotFoundError, match='no checkpoint at .*c.pth'):
        read_checkpoint(tmp_path / 'c.pth')


def test_every_problem_in_one_error():
    source = dict(STATE, extra=torch.zeros(1))
    expected = {'a.weight': torch.zeros(2, 4), 'b.weight': torch.ones(4), 'c': torch.zeros(1)}
    with pytest.raises(ValueError) as error:
        convert_state_dict(source, lambda key: key, expected)
    assert str(error.value).splitlines()[1:-1] == [
        '  a.weight is (2, 3), expected (2, 4)',
        '  unknown: extra',
        '  missing: c',
    ]


def test_backbone_alone(tmp_path, config, backbone):
    """The file is a ``Pretrained`` initialisation; counters that no file had are zero."""
    torch.save(backbone, tmp_path / 'source.pth')
    convert_checkpoint(
        tmp_path / 'source.pth', tmp_path / 'ours.pth', config, without_classifier, part='backbone'
    )
    content = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert content['meta'] == dict(source='source.pth')

    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'ours.pth'))
    net = MODELS.build(dict(read_config(str(config)).model.backbone, init_cfg=init))
    net.init_weights()
    loaded = net.state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in backbone.items() if k != 'fc.weight')
    assert any(key.endswith('num_batches_tracked') for key in loaded)
    assert set(loaded) == set(content['state_dict'])


def test_tensors_that_a_tool_changed(tmp_path, config, backbone):
    """A mapping is a source too; a failed conversion writes nothing."""
    target = tmp_path / 'ours.pth'
    with pytest.raises(ValueError, match=r'unknown: fc.weight'):
        convert_checkpoint(backbone, target, config, lambda key: key, part='backbone')
    with pytest.raises(ValueError, match=r'missing: decode_head.conv_seg.weight'):
        convert_checkpoint(backbone, target, config, lambda k: 'backbone.' + k)
    assert not target.exists()
    convert_checkpoint(backbone, target, config, without_classifier, part='backbone')
    assert target.is_file()


def test_key_list_of_irn(tmp_path, monkeypatch):
    """All 956 tensors of IRN's own state_dict, aliases included, through the command line; what
    remains under ``resnet50.`` are torchvision's names, which our backbone has as well."""
    listed = np.load(ROOT / 'tests/data/irn_keys.npz')
    shapes = dict(zip(listed['keys'].tolist(), listed['shapes'].tolist(), strict=True))
    assert len(shapes) == 956
    state = {
        key: torch.zeros([int(side) for side in shape.split('x') if side.isdigit()])
        for key, shape in shapes.items()
    }
    state['resnet50.layer4.2.bn3.bias'] += 1
    torch.save(state, tmp_path / 'irn.pth')
    monkeypatch.setattr(
        sys, 'argv', ['irn_cam.py', str(tmp_path / 'irn.pth'), str(tmp_path / 'a.pth')]
    )
    runpy.run_path(str(ROOT / 'tools/model_converters/irn_cam.py'), run_name='__main__')
    ours = torch.load(tmp_path / 'a.pth', weights_only=True)['state_dict']
    of_backbone = {key.removeprefix('backbone.') for key in ours if key.startswith('backbone.')}
    assert of_backbone == {k.removeprefix('resnet50.') for k in shapes if k.startswith('resnet50.')}
    assert set(ours) - {f'backbone.{key}' for key in of_backbone} == {'decode_head.conv_seg.weight'}
    assert ours['backbone.layer4.2.bn3.bias'].sum() == 2048
