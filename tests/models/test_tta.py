"""CAMTTAModel against the usual multi-scale inference and the hosts' own recipes, written out.

tests/data/irn_make_cam.npz was recorded from jiwoon-ahn/irn (commit a2ece00), step make_cam, with
the weights of ``tests/models/official.py`` and images of three scales.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.config import read_config
from mmlevelset.models import CAMTTAModel
from mmlevelset.models.seeds import SeedRecipe
from tests.models.official import filled, image

ROOT = Path(__file__).resolve().parents[2]
SIZE = (40, 52)  # of the original image
LABEL = np.array([1, 0, 1], np.float32)
VIEWS = [((40, 52), None), ((40, 52), 'horizontal'), ((64, 80), 'vertical'), ((64, 80), 'diagonal')]
AXES = dict(horizontal=(2,), vertical=(1,), diagonal=(1, 2))


def model_config(level_set: bool) -> dict:
    config = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='mmlevelset.LevelSetPreProcessor', mean=[127.0] * 3, std=[60.0] * 3
        ),
        backbone=dict(
            type='ResNet', depth=18, stem_channels=8, base_channels=8, num_stages=2,
            strides=(1, 2), dilations=(1, 1), out_indices=(0, 1),
        ),
        decode_head=dict(type='mmlevelset.CAMHead', in_channels=16, num_classes=3),
        test_cfg=dict(mode='whole'),
    )  # fmt: skip
    if level_set:
        config['auxiliary_head'] = dict(
            type='mmlevelset.LevelSetHead', in_channels=(8, 16), in_index=(0, 1), channels=8,
            num_classes=3, loss_energy=dict(type='mmlevelset.LevelSetEnergyLoss'),
        )  # fmt: skip
    return config


def build(seed_source: str = 'cam', **options) -> CAMTTAModel:
    init_default_scope('mmseg')
    tta = MODELS.build(
        dict(
            type='mmlevelset.CAMTTAModel',
            module=model_config(level_set=seed_source != 'cam'),
            seed_source=seed_source,
            **options,
        )
    )
    tta.eval()
    return tta


def views(label: np.ndarray = LABEL) -> dict:
    """Views of one image as the loader of a TestTimeAug pipeline gives them."""
    image = torch.rand(1, 3, *SIZE) * 255
    inputs, samples = [], []
    for size, flip in VIEWS:
        view = F.interpolate(image, size, mode='bilinear')[0]
        meta = dict(img_label=label, ori_shape=SIZE, img_shape=size, flip=bool(flip))
        if flip:
            view = view.flip(AXES[flip])
            meta['flip_direction'] = flip
        inputs.append([view])
        samples.append([SegDataSample(metainfo=meta)])
    return dict(inputs=inputs, data_samples=samples)


def upright(score: Tensor, flip: str | None) -> Tensor:
    """Score of a view (1, C, h, w) on the original image, (C, H, W)."""
    score = F.interpolate(score, SIZE, mode='bilinear')[0]
    return score.flip(AXES[flip]) if flip else score


def oracle(tta: CAMTTAModel, data: dict) -> tuple[Tensor, Tensor]:
    """Merged CAM and level set seeds (C, H, W), view by view."""
    label = torch.tensor(LABEL)
    cam, phi = torch.zeros(3, *SIZE), torch.zeros(3, *SIZE)
    for (_, flip), (view,) in zip(VIEWS, data['inputs'], strict=True):
        feats = tta.module.backbone((view[None] - 127) / 60)
        cam += upright(tta.module.decode_head.conv_seg(feats[-1]).clamp_min(0), flip)
        if tta.recipe.seed_source != 'cam':
            seeds = tta.module.auxiliary_head.seeds(feats, view[None] / 255, label[None])
            phi += upright(seeds, flip) / len(VIEWS)
    cam = cam * label[:, None, None]
    return cam / (cam.amax((1, 2), keepdim=True) + 1e-5), phi


@pytest.mark.parametrize('source', ['cam', 'phi', 'fused'])
@torch.no_grad()
def test_merge(source):
    """CAMs are summed and normalised, level sets averaged; flips are undone, absent classes are 0."""
    tta, data = build(source), views()
    (result,) = tta.test_step(data)
    cam, phi = oracle(tta, data)
    expected = dict(cam=cam, phi=phi, fused=(cam + phi) / 2)[source]
    seeds = result.seg_logits.data[1:]
    torch.testing.assert_close(seeds, expected, atol=1e-5, rtol=1e-4)
    assert seeds.shape == (3, *SIZE) and 0 <= seeds.min() and seeds.max() <= 1
    assert (seeds[1] == 0).all() and seeds[0].max() > 0.4
    if source == 'cam':
        assert seeds[0].max() > 0.999 and seeds[2].max() > 0.999


@torch.no_grad()
def test_label_map():
    """argmax of [background, seeds], ties to the background."""
    tta, data = build('cam', background=0.4), views()
    (result,) = tta.test_step(data)
    scores, label = result.seg_logits.data, result.pred_sem_seg.data
    assert (scores[0] == 0.4).all() and torch.equal(label[0], scores.argmax(0))
    assert label.shape == (1, *SIZE) and set(label.unique().tolist()) == {0, 1, 3}


@torch.no_grad()
def test_image_without_a_class():
    """No present class: zero seeds, all background."""
    for source in ('cam', 'phi'):
        (result,) = build(source).test_step(views(np.zeros(3, np.float32)))
        assert (result.seg_logits.data[1:] == 0).all() and (result.pred_sem_seg.data == 0).all()


@torch.no_grad()
def test_batch_of_two():
    """Images of a batch do not mix."""
    tta, first, second = build('cam'), views(), views()
    both = {key: [a + b for a, b in zip(first[key], second[key], strict=True)] for key in first}
    merged = tta.test_step(both)
    for data, result in zip((first, second), merged, strict=True):
        expected = oracle(tta, data)[0]
        torch.testing.assert_close(result.seg_logits.data[1:], expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_padding_is_cut_off():
    """Padding of the test images is removed before the flip is undone."""
    tta = build('cam')
    tta.module.data_preprocessor.test_cfg = dict(size_divisor=64)
    data = views()
    data = {key: value[1:2] for key, value in data.items()}  # 40 x 52, flipped, padded to 64 x 64
    (result,) = tta.test_step(data)
    x = F.pad((data['inputs'][0][0][None] - 127) / 60, (0, 12, 0, 24))
    cam = tta.module.decode_head.conv_seg(tta.module.backbone(x)[-1]).clamp_min(0)
    cam = F.interpolate(cam, (64, 64), mode='bilinear')[0, :, :40, :52].flip(2)
    cam = cam * torch.tensor(LABEL)[:, None, None]
    expected = cam / (cam.amax((1, 2), keepdim=True) + 1e-5)
    torch.testing.assert_close(result.seg_logits.data[1:], expected)


def bilinear(x: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize (K, h, w) by sampling at pixel centres, the border replicated."""
    for axis, new in ((1, size[0]), (2, size[1])):
        old = x.shape[axis]
        place = ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
        low = np.floor(place).astype(int)
        share = (place - low).reshape((-1, 1) if axis == 1 else (-1,))
        x = np.take(x, low, axis) * (1 - share) + (
            np.take(x, np.minimum(low + 1, old - 1), axis) * share
        )
    return x


def irn_recipe(views: list[np.ndarray]) -> np.ndarray:
    """make_cam: un-flip on the grid, resize to multiples of 16, sum, crop, divide by max + 1e-5."""
    total = 0
    for view, flipped in zip(views, FLIPPED, strict=True):
        total = total + bilinear(view[:, :, ::-1] if flipped else view, (48, 64))
    total = total[:, : SIZE[0], : SIZE[1]]
    return total / (total.max((1, 2), keepdims=True) + 1e-5)


def minmax_recipe(views: list[np.ndarray], eps: float, label: np.ndarray) -> np.ndarray:
    """SEAM and MuSCLe: resize, mask, un-flip, sum; what is below min + eps becomes 0."""
    total = np.zeros((3, *SIZE))
    for view, flipped in zip(views, FLIPPED, strict=True):
        view = bilinear(view, SIZE) * label[:, None, None]
        total += view[:, :, ::-1] if flipped else view
    total[total < 0] = 0
    low, high = total.min((1, 2), keepdims=True), total.max((1, 2), keepdims=True)
    total[total < low + eps] = 0
    return ((total - low - eps) / (high - low + eps)).clip(0)


def mctformer_recipe(views: list[np.ndarray]) -> np.ndarray:
    total = sum(
        bilinear(view, SIZE)[:, :, :: -1 if flipped else 1]
        for view, flipped in zip(views, FLIPPED, strict=True)
    )
    low, high = total.min((1, 2), keepdims=True), total.max((1, 2), keepdims=True)
    return (total - low) / (high - low + 1e-8)


FLIPPED = [bool(i % 2) for i in range(6)]
RECIPES = {
    'irn': (dict(size_divisor=16), irn_recipe),
    'seam': (
        dict(normalise='minmax', eps=1e-5),
        lambda views: minmax_recipe(views, 1e-5, LABEL),
    ),
    'muscle': (
        dict(normalise='minmax', eps=1e-6),
        lambda views: minmax_recipe(views, 1e-6, np.ones(3)),
    ),
    'mctformer': (dict(normalise='minmax', eps=1e-8, margin=0.0), mctformer_recipe),
}


@pytest.mark.parametrize('at_view_size', [False, True])
@pytest.mark.parametrize('host', RECIPES)
@pytest.mark.parametrize('scale', [1e-4, 10.0])  # of the CAM: faint maps tell the eps apart
def test_recipes_of_the_hosts(host: str, scale: float, at_view_size: bool):
    """Each host's own arithmetic on given CAMs, on the feature grid or at the size of the view."""
    options, recipe = RECIPES[host]
    rng, cams, data = np.random.RandomState(0), [], dict(inputs=[], data_samples=[])
    for i, flipped in enumerate(FLIPPED):
        size = [round(side * (0.5, 1, 1.5)[i // 2]) for side in SIZE]
        grid = size if at_view_size else [-(-side // 8) for side in size]
        cams.append(scale * rng.random_sample((3, *grid)).clip(0.3))
        meta = dict(img_label=LABEL, ori_shape=SIZE, img_shape=tuple(size), flip=flipped)
        sample = SegDataSample(metainfo=dict(meta, flip_direction='horizontal'))
        data['inputs'].append([torch.rand(3, *size)])
        data['data_samples'].append([sample])
    tta = build(**options)
    fed = iter(cams)
    tta.module.decode_head.activation = lambda _: torch.tensor(next(fed)[None])
    with torch.no_grad():
        (result,) = tta.test_step(data)
    expected = recipe(cams) * LABEL[:, None, None]
    np.testing.assert_allclose(result.seg_logits.data[1:], expected, rtol=2e-5, atol=1e-6)


@torch.no_grad()
def test_level_sets_beside_a_cam_at_view_size():
    """Hosts that return upsampled CAMs (SEAM, MuSCLe): the level sets keep their own grid."""
    tta, data = build('fused'), views()
    grid = tta.module.decode_head.activation
    sizes = iter(size for size, _ in VIEWS)
    tta.module.decode_head.activation = lambda feats: F.interpolate(
        grid(feats), next(sizes), mode='bilinear', align_corners=True
    )
    (result,) = tta.test_step(data)
    phi = oracle(tta, data)[1]
    cam = 2 * result.seg_logits.data[1:] - phi
    assert cam[0].max() == pytest.approx(1, abs=1e-3) and (cam[1] == 0).all()
    assert cam.min() > -1e-5 and result.seg_logits.shape == SIZE


@torch.no_grad()
def test_make_cam_of_irn():
    """Network, scales, flips and fusion together, with the config's own options."""
    golden = np.load(ROOT / 'tests/data/irn_make_cam.npz')
    cfg = read_config(str(ROOT / 'configs/seed/cam/resnet50_voc12.py'))
    init_default_scope('mmseg')
    tta = MODELS.build(dict(cfg.tta_model, module=cfg.model)).eval()
    net = tta.module
    names = {'decode_head.conv_seg.weight': 'classifier.weight'}
    state = {
        key: filled(names.get(key, key.replace('backbone.', 'resnet50.')), tuple(value.shape))
        for key, value in net.state_dict().items()
    }
    net.load_state_dict(state)
    label = np.zeros(20, np.float32)
    label[golden['keys']] = 1
    mean, std = net.data_preprocessor.mean, net.data_preprocessor.std
    data = dict(inputs=[], data_samples=[])
    for name, *size in (('rect', 141, 190), ('s2', 70, 95), ('s3', 212, 285)):
        x = image(f'irn/{name}', 1, *size)[0] * std + mean
        for flip in (False, True):
            meta = dict(img_label=label, ori_shape=(141, 190), img_shape=tuple(size), flip=flip)
            sample = SegDataSample(metainfo=dict(meta, flip_direction='horizontal'))
            # the preprocessor swaps BGR to RGB
            data['inputs'].append([(x.flip(2) if flip else x).flip(0)])
            data['data_samples'].append([sample])
    (result,) = tta.test_step(data)
    seeds = result.seg_logits.data[1:][golden['keys']]
    np.testing.assert_allclose(seeds[:, ::3, ::3], golden['high_res'], atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match="'phy' is unknown; choose one of"):
        build('phy')
    with pytest.raises(ValueError, match="'min' is unknown; choose one of"):
        build(normalise='min')
    with pytest.raises(ValueError, match=r"\['backgroud'\] is unknown; expected some of"):
        build(backgroud=0.3)
    for key, wrong in dict(
        background=35, cam_background='auto', presence=50, eps=0, margin=-3, size_divisor=0
    ).items():
        with pytest.raises(ValueError, match=key):
            build(**{key: wrong})
    for value, found in ((5.02, '2.51, 2.51'), (-1.0, '-0.5, -0.5'), (float('nan'), 'nan, nan')):
        with pytest.raises(ValueError, match=rf'scores in .*lies in \[{found}\]'):
            SeedRecipe(normalise='none').normalised(torch.full((1, 2, 2), value), 2)
    init_default_scope('mmseg')
    for source in ('phi', 'fused'):
        with pytest.raises(ValueError, match='no LevelSetHead'):
            CAMTTAModel(module=model_config(level_set=False), seed_source=source)
    one, two = views(), views()
    both = {key: [a + b for a, b in zip(one[key], two[key], strict=True)] for key in one}
    del both['data_samples'][0][1].img_label  # of one image in a batch
    with pytest.raises(ValueError, match='img_label.*meta_keys'):
        build('cam').test_step(both)
    with pytest.raises(ValueError, match="mode='slide'.*without --tta"):
        CAMTTAModel(module=dict(model_config(False), test_cfg=dict(mode='slide')))
