"""CAMTTAModel against the usual multi-scale inference, written out."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.models import CAMTTAModel

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
        if tta.seed_source != 'cam':
            seeds = tta.module.auxiliary_head.seeds(feats, view[None] / 255, label[None])
            phi += upright(seeds, flip) / len(VIEWS)
    cam = cam * label[:, None, None]
    return cam / cam.amax((1, 2), keepdim=True).clamp_min(1e-5), phi


@pytest.mark.parametrize('source', ['cam', 'phi', 'fused'])
@torch.no_grad()
def test_merge(source):
    """CAMs are summed and normalised, level sets averaged; flips are undone, absent classes are 0."""
    tta, data = build(source), views()
    (result,) = tta.test_step(data)
    cam, phi = oracle(tta, data)
    expected = dict(cam=cam, phi=phi, fused=(cam + phi) / 2)[source]
    seeds = result.seg_logits.data
    torch.testing.assert_close(seeds, expected, atol=1e-5, rtol=1e-4)
    assert seeds.shape == (3, *SIZE) and 0 <= seeds.min() and seeds.max() <= 1
    assert (seeds[1] == 0).all() and seeds[0].max() > 0.4
    if source == 'cam':
        assert seeds[0].max() == seeds[2].max() == 1


@torch.no_grad()
def test_label_map():
    """argmax of [background, seeds], ties to the background."""
    tta, data = build('cam', background=0.4), views()
    (result,) = tta.test_step(data)
    scores = torch.cat([torch.full((1, *SIZE), 0.4), result.seg_logits.data])
    label = result.pred_sem_seg.data
    assert torch.equal(label[0], scores.argmax(0))
    assert label.shape == (1, *SIZE) and set(label.unique().tolist()) == {0, 1, 3}


@torch.no_grad()
def test_image_without_a_class():
    """No present class: zero seeds, all background."""
    for source in ('cam', 'phi'):
        (result,) = build(source).test_step(views(np.zeros(3, np.float32)))
        assert (result.seg_logits.data == 0).all() and (result.pred_sem_seg.data == 0).all()


@torch.no_grad()
def test_batch_of_two():
    """Images of a batch do not mix."""
    tta, first, second = build('cam'), views(), views()
    both = {key: [a + b for a, b in zip(first[key], second[key], strict=True)] for key in first}
    merged = tta.test_step(both)
    for data, result in zip((first, second), merged, strict=True):
        expected = oracle(tta, data)[0]
        torch.testing.assert_close(result.seg_logits.data, expected, atol=1e-5, rtol=1e-4)


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
    expected = cam / cam.amax((1, 2), keepdim=True).clamp_min(1e-5)
    torch.testing.assert_close(result.seg_logits.data, expected)


def test_errors():
    with pytest.raises(ValueError, match="'phy' is unknown; choose one of"):
        build('phy')
    init_default_scope('mmseg')
    for source in ('phi', 'fused'):
        with pytest.raises(ValueError, match='no LevelSetHead'):
            CAMTTAModel(module=model_config(level_set=False), seed_source=source)
    data = views()
    del data['data_samples'][0][0].img_label
    with pytest.raises(ValueError, match='img_label.*meta_keys'):
        build('cam').test_step(data)
