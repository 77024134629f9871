"""The MuSCLe host against outputs, losses and gradients of the official network.

tests/data/muscle.npz was recorded from SCoulY/MuSCLe (commit 79c9e4d), filled and fed with the
deterministic numbers of ``tests/models/official.py``, weights with a gain of 2.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.apis import convert_checkpoint, convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models import EfficientNet, MuSCLeHead
from mmlevelset.models.heads.seam_head import upsample
from mmlevelset.models.host_losses.emd import best_transport, emd_loss
from mmlevelset.structures.fields import get_cams
from mmlevelset.structures.host import guide_of
from tests.models.official import filled, image, uniform
from tests.numerics import SUMS, assert_gradients, assert_recorded

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs/seed/muscle'
CONFIG = CONFIGS / 'efficientnet-b3_voc12.py'
GOLDEN = np.load(ROOT / 'tests/data/muscle.npz')
TOOL = runpy.run_path(str(ROOT / 'tools/model_converters/muscle.py'))
STRIDE = 21  # of the recorded pixels of maps at the size of the image
pytestmark = pytest.mark.usefixtures('epoch')


def official_state() -> dict[str, Tensor]:
    """The official state_dict."""
    shapes = [tuple(map(int, s.split('x'))) if s != 'scalar' else () for s in GOLDEN['shapes']]
    return {key: filled(key, s, 2.0) for key, s in zip(GOLDEN['keys'], shapes, strict=True)}


def build(config: Path = CONFIG) -> nn.Module:
    init_default_scope('mmseg')
    return MODELS.build(read_config(str(config)).model)


@pytest.fixture(scope='module')
def model() -> nn.Module:
    net, state = build(), TOOL['as_convolution'](official_state())
    net.load_state_dict(convert_state_dict(state, TOOL['rename'], net.state_dict()))
    return net.eval()


def samples_of(labels: np.ndarray, boxes: np.ndarray | None = None) -> list[SegDataSample]:
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in labels]
    for i, sample in enumerate(samples):
        if boxes is not None:
            sample.set_data(dict(view_boxes=torch.from_numpy(boxes[i])))
    return samples


def close(ours: Tensor, name: str) -> None:
    assert_recorded(ours, GOLDEN[name], name=name)


def check_gradients(model: nn.Module, name: str) -> None:
    """Norms of all parameters, and None where the official network has none."""
    ours = {}
    for key, p in model.named_parameters():
        key = key.replace('decode_head.conv_seg', 'fc').replace('decode_head.', '')
        ours[key] = np.nan if p.grad is None else p.grad.double().norm().item()
    golden = dict(zip(GOLDEN['grad_names'], GOLDEN[name], strict=True))
    unused = golden.keys() - ours.keys()
    assert all(TOOL['rename'](key) is None and np.isnan(golden[key]) for key in unused)
    assert_gradients(ours, {key: golden[key] for key in ours})


@pytest.mark.parametrize(('name', 'shape'), [('square', (2, 224, 224)), ('rect', (1, 141, 190))])
def test_outputs(model, name, shape):
    """Same features, logits, CAM and SGC; the odd size has a grid of 8 x 11: strides round down."""
    with torch.no_grad():
        feats = model.extract_feat(image(f'muscle/{name}', *shape))
        embeddings, logits, cam, sgc = model.decode_head.maps(feats)
        seeds = model.decode_head.activation(feats)
    close(feats[4][:, ::48], f'{name}_p7')
    close(embeddings, f'{name}_emb')
    close(logits, f'{name}_logits')
    torch.testing.assert_close(model.decode_head.classify(feats), logits[:, 1:])
    close(cam, f'{name}_cam_raw')
    close(upsample(cam, feats)[..., ::STRIDE, ::STRIDE], f'{name}_cam')
    close(upsample(sgc, feats)[..., ::STRIDE, ::STRIDE], f'{name}_sgc')
    torch.testing.assert_close(seeds, upsample(sgc, feats)[:, 1:])
    assert seeds.shape == (shape[0], 20, *shape[1:])


def test_first_step(model, epoch):
    """Same losses of whole images and gradients; the other CAM for the level set is the raw one."""
    epoch(4)
    model.zero_grad()
    samples = samples_of(GOLDEN['train_labels'])
    feats = model.extract_feat(image('muscle/train', 6, 96, 96))
    model.decode_head.guide = 'cam'
    try:
        losses = model.decode_head.loss(feats, samples)
    finally:
        model.decode_head.guide = 'sgc'
    for name in ('focal', 'softmargin', 'lsep', 'er', 'imc'):
        assert_recorded(losses[f'loss_{name}'], GOLDEN[f'train_{name}'], name=name)
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    check_gradients(model, 'train_grads')
    close(model.decode_head.conv_seg.weight.grad[:, ::8, 0, 0], 'train_grad_fc')
    cam = F.conv2d(feats[4], model.decode_head.conv_seg.weight[1:]).relu()
    torch.testing.assert_close(get_cams(samples), cam)


def test_second_step(model, epoch):
    """Same PixPro loss between two views and gradients; none of them reaches the classifier."""
    epoch(8)
    model.zero_grad()
    first, second = (model.extract_feat(image(f'muscle/v{i}', 2, 96, 96)) for i in (1, 2))
    samples = samples_of(GOLDEN['views_labels'], GOLDEN['views_boxes'])
    losses = model.decode_head.loss_views(first, second, samples)
    assert losses.keys() == {'loss_pixpro'}
    assert_recorded(losses['loss_pixpro'], GOLDEN['views_pixpro'])
    losses['loss_pixpro'].backward()
    check_gradients(model, 'views_grads')


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_earth_movers_distance_in_half_precision(dtype):
    """Its scalings grow to 1e7, beyond float16: the loss is that of single precision."""
    torch.manual_seed(0)
    views = [[F.normalize(torch.rand(6, 40, 40), dim=0).requires_grad_()] for _ in range(2)]
    losses = []
    for half in (False, True):
        torch.manual_seed(1)  # of the patches
        with torch.autocast('cpu', dtype, enabled=half):
            losses.append(emd_loss(*views))
    losses[1].backward()
    assert losses[0] > 0 and losses[1] == losses[0] and views[0][0].grad.isfinite().all()


def test_earth_movers_distance():
    """Same score of the best pair of patches, and a gradient for this pair alone."""

    def units(name: str, shape: np.ndarray) -> Tensor:
        u = (torch.from_numpy(uniform(name, (1, *shape))).float() + 1) / 2
        return F.normalize(u[0], dim=0).requires_grad_()

    scores, norms = [], []
    for i in range(2):
        first = [units(f'emd/a{i}{j}', shape) for j, shape in enumerate(GOLDEN['emd_first'])]
        second = [units(f'emd/b{i}{j}', s).detach() for j, s in enumerate(GOLDEN['emd_second'])]
        scores.append(best_transport(first, second))
        (scores[-1] / 2).backward()
        norms.append([np.nan if a.grad is None else a.grad.norm().item() for a in first])
    assert_recorded(torch.stack(scores).mean(), GOLDEN['emd'], SUMS)
    assert_recorded(np.array(norms), GOLDEN['emd_grads'], SUMS, np.nanmax(GOLDEN['emd_grads']))


def test_converted_files(model, tmp_path):
    """Both kinds of published files load; one of another host gives a list of its problems."""
    rename, state = TOOL['rename'], official_state()
    with pytest.raises(ValueError, match=r'unknown: BIFPN.*\n.*missing: decode_head.fuse.bias'):
        state = {k: v for k, v in state.items() if k != 'fuse.bias'}
        convert_state_dict(
            TOOL['as_convolution']({**state, 'BIFPN.inp3.0.bias': torch.zeros(1)}),
            rename,
            model.state_dict(),
        )
    source, target = tmp_path / 'adv-efficientnet-b3.pth', tmp_path / 'ours.pth'
    backbone = {k[9:]: v for k, v in official_state().items() if k.startswith('backbone.')}
    torch.save(backbone, source)
    convert_checkpoint(source, target, CONFIG, TOOL['rename_imagenet'], part='backbone')
    cfg = dict(type='Pretrained', checkpoint=str(target))
    net = EfficientNet('b3', 'fixed', 16, dilated=False, init_cfg=cfg)
    net.init_weights()
    weights = net.state_dict()
    assert all(torch.equal(v, weights[k]) for k, v in model.backbone.state_dict().items())


def test_a_map_counted_from_the_end_is_refused():
    with pytest.raises(ValueError, match='expected numbers from 0'):
        MuSCLeHead(20, in_channels=(4, 8), in_index=(0, -1))


@pytest.mark.parametrize('guide', ['cam', 'sgc'])
def test_the_guide_of_pictures_is_that_of_the_training(model, epoch, guide, monkeypatch):
    epoch(0)
    monkeypatch.setattr(model.decode_head, 'guide', guide)
    samples = samples_of(GOLDEN['train_labels'])
    feats = model.extract_feat(image('muscle/train', 6, 96, 96))
    model.decode_head.loss(feats, samples)
    assert torch.equal(guide_of(model.decode_head, feats, None), get_cams(samples))


def test_level_set_can_see_the_propagated_map(model, epoch):
    epoch(0)
    samples = samples_of(GOLDEN['train_labels'])
    feats = model.extract_feat(image('muscle/train', 6, 96, 96))
    assert model.decode_head.guide == 'sgc'
    model.decode_head.loss(feats, samples)
    torch.testing.assert_close(get_cams(samples), model.decode_head.maps(feats)[3][:, 1:])
