"""AdvCAM against recorded seeds of its official code, and what the climb must do on a small host.

tests/data/adv_cam.npz was recorded from jbeomlee93/AdvCAM (commit 2650fcd), ``_work`` of
obtain_CAM_masking.py on a CPU in 64 bits, with the weights and images of ``tests/models/official.py`` at the
scales 1, 0.5, 1.5 and 2: one class of an image of 48 x 64 with ``adv_iter`` 3 (which its code uses at the
half scale too), and one of 32 x 48 with ``adv_iter`` 11 (5 at the half scale).
"""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmlevelset.config import read_config
from mmlevelset.models import AdvCAM
from mmlevelset.models.seeds import SeedRecipe, upright
from tests.models.official import filled, image
from tests.models.small_hosts import build_host, pictures

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = np.load(ROOT / 'tests/data/adv_cam.npz')
SCALES = (1.0, 0.5, 1.5, 2.0)


def views(name: str, size: tuple[int, int]) -> list[torch.Tensor]:
    """Normalised images (3, H, W) of the four scales that were recorded."""
    sizes = [[round(side * scale) for side in size] for scale in SCALES]
    return [image(f'advcam/{name}/{s}', 1, *v)[0] for s, v in zip(SCALES, sizes, strict=True)]


@pytest.fixture(scope='module')
def official() -> nn.Module:
    """The config's test-time augmentation of the ResNet-50 with the recorded weights."""
    cfg = read_config(str(ROOT / 'configs/seed/advcam/resnet50_voc12.py'))
    init_default_scope('mmseg')
    tta = MODELS.build(dict(cfg.tta_model, module=cfg.model)).eval()
    names = {'decode_head.conv_seg.weight': 'classifier.weight'}
    tta.module.load_state_dict(
        {
            key: filled(names.get(key, key.replace('backbone.', 'resnet50.')), tuple(value.shape))
            for key, value in tta.module.state_dict().items()
        }
    )
    return tta


@torch.no_grad()  # as mmengine's loops run
def test_official_seeds(official: nn.Module) -> None:
    method = official.recipe._method
    method.iterations = method.small_iterations = 3
    label = np.eye(20, dtype=np.float32)[3]
    mean, std = official.module.data_preprocessor.mean, official.module.data_preprocessor.std
    data = dict(inputs=[], data_samples=[])
    for x in views('short', (48, 64)):
        meta = dict(img_label=label, ori_shape=(48, 64), img_shape=tuple(x.shape[1:]))
        data['inputs'].append([(x * std + mean).flip(0)])  # the preprocessor swaps BGR to RGB
        data['data_samples'].append([SegDataSample(metainfo=meta)])
    (result,) = official.test_step(data)
    # Of 32 bits, which the steps amplify. Without the regularisation it is 1e-3, the plain CAM 3e-2.
    np.testing.assert_allclose(result.seg_logits.data[1:][[3]], GOLDEN['short'], atol=3e-4)
    assert result.cam_method == 'AdvCAM'


@pytest.mark.slow
@torch.no_grad()
def test_official_seeds_of_a_longer_climb(official: nn.Module) -> None:
    """In 64 bits, and with the factor of the half scale, which drops out."""
    total = torch.zeros(1, 32, 48)
    net = copy.deepcopy(official.module).double()
    for x in views('long', (32, 48)):
        meta = dict(ori_shape=(32, 48), img_shape=tuple(x.shape[1:]))
        cam = AdvCAM().climb(net, x.double(), target=8, iterations=5 if x.shape[1] < 32 else 11)
        total += upright(cam[None], SegDataSample(metainfo=meta), size_divisor=16)
    # The official code rounds the range of the image to 32 bits.
    seeds = SeedRecipe().normalised(total)
    np.testing.assert_allclose(seeds, GOLDEN['long'], atol=2e-4)


@pytest.fixture(scope='module')
def host() -> nn.Module:
    return build_host('cam')


def cams(host: nn.Module, **options) -> torch.Tensor:
    """CAMs (N, 3, h, w) of two pictures by AdvCAM, in the way that mmengine's loops run a model."""
    data = host.data_preprocessor(pictures([(64, 64)] * 2, [(1, 0, 1), (0, 1, 0)]), False)
    metas = [sample.metainfo for sample in data['data_samples']]
    labels = torch.tensor([[1.0, 0, 1], [0, 1, 0]])
    with torch.no_grad():
        return AdvCAM(**options).maps(host, data['inputs'], labels, metas)


def test_no_step_is_the_plain_cam(host: nn.Module) -> None:
    """Of an image and its mirror image, but for the weights of the two."""
    data = host.data_preprocessor(pictures([(64, 64)] * 2), False)
    with torch.no_grad():
        views = (data['inputs'], data['inputs'].flip(3))
        both = [host.decode_head(host.extract_feat(x)) for x in views]
    got = cams(host, iterations=1, small_iterations=1)
    for n, c in ((0, 0), (0, 2), (1, 1)):
        maps = [scores[n, c].clamp_min(0) * (scores[n, c] > 0).sum() for scores in both]
        expected = maps[0] + maps[1].flip(-1)
        ratio = got[n, c] / got[n, c].max()
        torch.testing.assert_close(ratio, expected / expected.max(), atol=1e-5, rtol=1e-4)


def test_the_climb_raises_its_class_and_leaves_absent_ones(host: nn.Module) -> None:
    first, last = (cams(host, iterations=n, small_iterations=1) for n in (1, 6))
    assert (last[0, 1] == 0).all() and (last[1, [0, 2]] == 0).all()
    for n, c in ((0, 0), (0, 2), (1, 1)):
        assert last[n, c].sum() > 6 * first[n, c].sum()


def test_small_views_climb_less(host: nn.Module) -> None:
    data = host.data_preprocessor(pictures([(64, 64)], [(1, 0, 0)]), False)
    meta = dict(img_shape=(64, 64), ori_shape=(128, 128))
    with torch.no_grad():
        maps = [
            AdvCAM(iterations=3, small_iterations=2).maps(
                host, data['inputs'], torch.tensor([[1.0, 0, 0]]), [dict(meta, ori_shape=ori)]
            )
            for ori in ((64, 64), (128, 128))
        ]
        fewer = AdvCAM(iterations=2, small_iterations=2).climb(host, data['inputs'][0], 0, 2)
    assert torch.equal(maps[1][0, 0], fewer) and not torch.equal(maps[0][0, 0], fewer)


def test_parameters_stay_and_the_frozen_cache_is_left_alone(tmp_path: Path) -> None:
    """A memoised part gives no gradient; the climb goes through the whole network."""
    init_default_scope('mmseg')
    cfg = read_config(str(ROOT / 'configs/seed/advcam/efficientnet-lite0_voc20.py'))
    cfg.model.backbone.update(init_cfg=None, frozen_cache=str(tmp_path))
    model = MODELS.build(cfg.model).eval()
    label = np.eye(20, dtype=np.float32)[0]
    (sample,) = model.test_step(pictures([(64, 64)], [label]))
    assert sample.cam_method == 'AdvCAM' and torch.isfinite(sample.seg_logits.data).all()
    assert all(p.grad is None for p in model.parameters())
    assert len(list(tmp_path.rglob('*.npz'))) == 1  # of the view itself, none of the steps


def test_level_sets_are_not_said_to_be_made_by_it() -> None:
    """Seeds of level sets read no CAM, so no method of one is written beside them."""
    init_default_scope('mmseg')
    cfg = read_config(str(ROOT / 'configs/seed/cam/efficientnet-lite0_levelset_voc20.py'))
    cfg.model.backbone.update(init_cfg=None, frozen_cache=None)
    cfg.model.test_cfg.update(seed_source='phi', cam_method=dict(type='mmlevelset.AdvCAM'))
    label = np.eye(20, dtype=np.float32)[0]
    (sample,) = MODELS.build(cfg.model).eval().test_step(pictures([(64, 64)], [label]))
    assert sample.seed_source == 'phi' and 'cam_method' not in sample.metainfo


def test_errors(host: nn.Module) -> None:
    with pytest.raises(ValueError, match='at least 1'):
        AdvCAM(iterations=0)
    model = build_host('seam')
    recipe = SeedRecipe(cam_method=dict(type='mmlevelset.AdvCAM'))
    data = model.data_preprocessor(pictures([(64, 64)], [(1, 0, 1)]), False)
    metas = [sample.metainfo for sample in data['data_samples']]
    with pytest.raises(ValueError, match='AdvCAM reads the CAM of a linear classifier.*SEAMHead'):
        recipe.maps(model, data['inputs'], metas)
