"""IRNet against irn (commit a2ece00)."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmlevelset.apis import convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models import IRNet
from tests.models.official_normal import filled_normal
from tests.numerics import assert_recorded

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/refine/irnet_resnet50_voc12.py'
GOLDEN = np.load(ROOT / 'tests/data/irn_net.npz')
rename = runpy.run_path(str(ROOT / 'tools/model_converters/irn_net.py'))['rename']


@pytest.fixture(scope='module')
def model():
    """Our model with irn's 1,035 tensors, of which most are second names of others."""
    cfg = read_config(str(CONFIG))
    init_default_scope('mmseg')
    with torch.device('meta'):
        net = MODELS.build(cfg.model)
    # The values that irn's network ended up with are those of the last alias of each tensor.
    stages = dict(conv1='0.0', bn1='0.1', layer1='1.0', layer2='2.0', layer3='3.0', layer4='4.0')
    source = {}
    shapes = str(GOLDEN['shapes']).splitlines()
    for key, shape in zip(str(GOLDEN['keys']).splitlines(), shapes, strict=True):
        name = key
        if key.startswith('resnet50.'):
            stage, rest = key.removeprefix('resnet50.').split('.', 1)
            name = f'backbone.{stages[stage]}.{rest}'
        if rename(key):
            size = tuple(int(side) for side in shape.strip('()').split(',') if side)
            source[key] = filled_normal(name, size)
        else:
            source[key] = torch.zeros(0)  # must not be read
    source['dp_layers.6.4.running_mean'] = torch.tensor(GOLDEN['running_mean']).float()
    net.load_state_dict(convert_state_dict(source, rename, net.state_dict()), assign=True)
    return net.eval()


def test_edges_and_displacements_of_irn(model):
    """Both views padded to irn's crop size; edges averaged, displacements of the first view."""
    x = torch.tensor(GOLDEN['x'])
    height, width = x.shape[2:]
    crop = int(GOLDEN['crop_size'])
    views = F.pad(torch.cat([x, x.flip(3)]), (0, crop - width, 0, crop - height))
    with torch.no_grad():
        features = model.backbone(views)
        edge = model.decode_head(features)[:, :18, :21]
        displacement = model.decode_head.displacement(features)[0, :, :18, :21]
    edge = ((edge[0] + edge[1].flip(1)) / 2).sigmoid()
    assert_recorded(edge, GOLDEN['edge'][0])
    assert_recorded(displacement, GOLDEN['dp'])


def test_the_backbone_is_frozen(model):
    model.train()
    assert not any(p.requires_grad for p in model.backbone.parameters())
    assert not any(m.training for m in model.backbone.modules() if hasattr(m, 'running_var'))
    model.eval()


def head(**options) -> IRNet:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return IRNet((4, 6), (0, 1), strides=(4, 8), radius=5, **options)


def samples(label: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in label]


def test_it_finds_the_edge_between_two_classes():
    """Features that say where the boundary is become edges there, and nowhere else."""
    net = head()
    label = torch.zeros(1, 12, 16, dtype=torch.int64)
    label[..., 8:] = 1
    boundary = torch.zeros(1, 4, 12, 16)
    boundary[..., 7:9] = 1
    maps = [boundary + 0.1 * torch.randn(1, 4, 12, 16), torch.zeros(1, 6, 6, 8)]
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(60):
        loss = sum(net.loss(maps, samples(label)).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    edge = net(maps)[0].sigmoid()
    crossing = edge[:, 7:9].max(1).values  # one pixel on the way is enough
    assert crossing.mean() > 0.5 and edge[:, [*range(6), *range(10, 16)]].max() < 0.05


def test_maps_are_detached_and_cropped():
    maps = [torch.randn(1, 4, 11, 15, requires_grad=True), torch.randn(1, 6, 6, 8)]
    edge = head()(maps)
    assert edge.shape == (1, 11, 15)
    edge.sum().backward()
    assert maps[0].grad is None


def test_displacement_needs_five_maps():
    with pytest.raises(ValueError, match='needs five maps .* got 2'):
        head(displacement=True)
    with pytest.raises(ValueError, match='no vectors: build it with displacement=True'):
        head().displacement([])
