"""AffinityNet against psa's resnet38_aff (commit 9493e59)."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmlevelset.affinity.losses import affinity_losses, feature_affinity, pair_labels
from mmlevelset.affinity.paths import half_disc
from mmlevelset.apis import convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models import AffinityNet
from tests.models.official_normal import filled_normal
from tests.numerics import assert_recorded

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/refine/affinitynet_resnet38_psa_voc12.py'
GOLDEN = np.load(ROOT / 'tests/data/psa_net.npz')
HEAD = ('f8_3.weight', 'f8_4.weight', 'f8_5.weight', 'f9.weight')
rename = runpy.run_path(str(ROOT / 'tools/model_converters/psa_aff.py'))['rename']


@pytest.fixture(scope='module')
def model():
    """Our model with psa's tensors, renamed by the converter; none is missing or left over."""
    cfg = read_config(str(CONFIG))
    init_default_scope('mmseg')
    with torch.device('meta'):
        net = MODELS.build(cfg.model)
    expected = net.state_dict()
    backbone = {k.removeprefix('backbone.') for k in expected if k.startswith('backbone.')}
    heads = [k for k in expected if k.startswith('decode_head.')]
    shapes = {k: expected[f'backbone.{k}'].shape for k in backbone}
    shapes |= {k: expected[name].shape for k, name in zip(HEAD, map(rename, HEAD), strict=True)}
    assert len(shapes) == 232 and len(heads) == 4  # psa_aff: 228 tensors of ResNet38, 4 of its own
    source = {key: filled_normal(key, tuple(shape)) for key, shape in shapes.items()}
    net.load_state_dict(convert_state_dict(source, rename, expected), assign=True)
    return net.eval()


def test_affinities_of_psa(model):
    with torch.no_grad():
        features = model.decode_head(model.backbone(torch.tensor(GOLDEN['x'])))
    affinity = feature_affinity(features, 5)[0].flatten(1)
    assert_recorded(affinity, GOLDEN['aff'])


def test_a_tensor_that_is_not_of_psa_is_refused(model):
    expected = model.state_dict()
    with pytest.raises(ValueError, match='unknown: f8_6.weight(.|\n)*missing: decode_head.fusion'):
        convert_state_dict({'f8_6.weight': torch.zeros(1)}, rename, expected)


def head(**options) -> AffinityNet:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    net = AffinityNet(in_channels=(4, 6), in_index=(0, 1), widths=(3, 5), **options)
    net.init_weights()
    return net


def samples(label: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in label]


def test_losses_and_gradients():
    """The losses of the pairs; every weight is trained, and so are the features."""
    net = head()
    maps = [torch.randn(2, 4, 8, 12, requires_grad=True), torch.randn(2, 6, 4, 6)]
    label = torch.randint(0, 3, (2, 8, 12))
    losses = net.loss(maps, samples(label))
    features = net(maps)
    assert features.shape == (2, 8, 8, 12)  # the second map was resized
    expected = affinity_losses(feature_affinity(features, 5), pair_labels(label, half_disc(5), 5))
    torch.testing.assert_close(losses, expected)
    sum(losses.values()).backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())
    assert maps[0].grad.abs().sum() > 0


def test_it_learns_to_tell_two_classes_apart():
    """Noisy features of a left and a right half: affinities fall to the loss of a perfect answer."""
    net = head()
    label = torch.zeros(1, 8, 12, dtype=torch.int64)
    label[..., 6:] = 1
    sides = torch.cat([2.0 * label - 1] * 4)[None]
    maps = [sides + 0.3 * torch.randn(1, 4, 8, 12), torch.zeros(1, 6, 8, 12)]
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    values = []
    for _ in range(60):
        loss = sum(net.loss(maps, samples(label)).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert values[-1] < 0.25 * values[0] and values[-1] < 0.3


def test_labels_of_another_grid():
    with pytest.raises(ValueError, match=r'labels are \(64, 96\), the grid .* \(8, 12\)'):
        maps = [torch.zeros(1, 4, 8, 12), torch.zeros(1, 6, 8, 12)]
        head().loss(maps, samples(torch.zeros(1, 64, 96, dtype=torch.int64)))


def test_initialisation_of_psa():
    """Kaiming-normal reductions, Xavier-uniform fusion of gain 4."""
    net = AffinityNet(in_channels=(512, 1024, 4096), in_index=(0, 1, 2))
    net.init_weights()
    for conv, fan_in in zip(net.reductions, (512, 1024, 4096), strict=True):
        assert conv.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
    bound = 4 * (6 / (448 + 448)) ** 0.5
    assert 0.99 * bound < net.fusion.weight.abs().max() <= bound
