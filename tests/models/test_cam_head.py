"""The plain CAM host: its loss, what it leaves on the samples, and its seeds."""

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmlevelset.models import CAMHead
from mmlevelset.structures.fields import get_cams

LABELS = np.array([[1, 0, 1], [0, 1, 0]], np.float32)


def test_loss():
    """Soft margin of the pooled scores, written out; the decisions that are right, in per cent."""
    head, feats = CAMHead(4, num_classes=3, loss_weight=2.0), [torch.randn(2, 4, 5, 6)]
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in LABELS]
    losses = head.loss(feats, samples)
    # GAP then classifier, the order of the literature; eq 6 swaps the two linear maps
    logits = feats[0].mean((2, 3)) @ head.conv_seg.weight[:, :, 0, 0].T
    y, p = torch.tensor(LABELS), torch.sigmoid(logits)
    expected = -(y * p.log() + (1 - y) * (1 - p).log()).mean() * 2
    torch.testing.assert_close(losses['loss_cls'], expected)
    right = ((logits > 0) == (y > 0)).float().mean() * 100
    torch.testing.assert_close(losses['acc_cls'], right)
    recognised = sum(
        bool(z > 0) for z, shown in zip(logits.flatten(), y.flatten(), strict=True) if shown
    )
    torch.testing.assert_close(losses['recall_cls'], torch.tensor(recognised * 100 / 3))


def test_cam_on_the_samples():
    """ReLU of the scores, all classes, unnormalised, and part of the graph."""
    head, feats = CAMHead(4, num_classes=3), [torch.randn(2, 4, 5, 6, requires_grad=True)]
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in LABELS]
    head.loss(feats, samples)
    cam = get_cams(samples)
    expected = torch.einsum('ck,nkhw->nchw', head.conv_seg.weight[:, :, 0, 0], feats[0]).clamp_min(
        0
    )
    torch.testing.assert_close(cam, expected)
    assert torch.equal(cam, head.activation(feats))
    cam.sum().backward()
    assert feats[0].grad.abs().sum() > 0


def test_every_parameter_is_used():
    """mmseg's own conv_seg, with its bias, would be left without gradient under DDP."""
    assert [name for name, _ in CAMHead(4, num_classes=3).named_parameters()] == ['conv_seg.weight']


def test_wrong_labels():
    head, feats = CAMHead(4, num_classes=3), [torch.randn(1, 4, 5, 6)]
    with pytest.raises(ValueError, match='image_labels=.*meta_keys'):
        head.loss(feats, [SegDataSample()])
    label = dict(img_label=np.ones(4, np.float32))  # with a background entry
    with pytest.raises(ValueError, match=r'shape \(4,\), expected \(3,\)'):
        head.loss(feats, [SegDataSample(metainfo=label)])


@pytest.mark.parametrize('options', [dict(in_channels=5), dict(in_channels=4, in_index=2)])
def test_wrong_feature_map(options):
    with pytest.raises(ValueError, match=r'CAMHead: .* feature maps of the backbone have \[4\]'):
        CAMHead(num_classes=3, **options)([torch.randn(2, 4, 5, 6)])


def segmentor(**test_cfg) -> torch.nn.Module:
    """A two-stage residual network with a CAM head, stride 8."""
    init_default_scope('mmseg')
    model = MODELS.build(
        dict(
            type='mmlevelset.SeedSegmentor',
            backbone=dict(
                type='ResNet', depth=18, stem_channels=8, base_channels=8, num_stages=2,
                strides=(1, 2), dilations=(1, 1), out_indices=(0, 1),
            ),
            decode_head=dict(type='mmlevelset.CAMHead', in_channels=16, num_classes=3),
            test_cfg=ConfigDict(test_cfg),
        )
    )  # fmt: skip
    model.eval()
    return model


def samples(labels: np.ndarray = LABELS) -> list[SegDataSample]:
    shapes = dict(ori_shape=(40, 60), img_shape=(64, 96), pad_shape=(64, 96))
    return [SegDataSample(metainfo=dict(img_label=y, **shapes)) for y in labels]


def cam(model: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    """CAM of eq 6, (1, 3, h, w), of an image (1, 3, H, W)."""
    return model.decode_head.conv_seg(model.backbone(image)[-1]).clamp_min(0)


def normalised(cam: torch.Tensor) -> torch.Tensor:
    """Seeds (3, H, W) of the first image."""
    return cam / (cam.amax((1, 2), keepdim=True) + 1e-5) * torch.tensor(LABELS[0]).view(3, 1, 1)


@torch.no_grad()
def test_predict_whole():
    model, images = segmentor(mode='whole'), torch.randn(2, 3, 64, 96)
    results = model.predict(images, samples())
    for result, label in zip(results, LABELS, strict=True):
        seeds = result.seg_logits.data[1:]
        assert seeds.shape == (3, 40, 60)
        assert (seeds[label == 0] == 0).all() and (seeds[label == 1].amax((1, 2)) > 0.99).all()
    expected = normalised(F.interpolate(cam(model, images[:1]), (40, 60), mode='bilinear')[0])
    torch.testing.assert_close(results[0].seg_logits.data[1:], expected)


@torch.no_grad()
def test_predict_slide():
    """Windows of 64 x 64 at 0 and 32: the CAM of the overlap is the mean of the two."""
    model = segmentor(mode='slide', crop_size=(64, 64), stride=(64, 32))
    images = torch.randn(1, 3, 64, 96)
    seeds = model.predict(images, samples(LABELS[:1]))[0].seg_logits.data[1:]
    total = torch.zeros(1, 3, 64, 96)
    for x in (0, 32):
        window = cam(model, images[..., x : x + 64])
        total[..., x : x + 64] += F.interpolate(window, (64, 64), mode='bilinear')
    total[..., 32:64] /= 2
    expected = normalised(F.interpolate(total, (40, 60), mode='bilinear')[0])
    torch.testing.assert_close(seeds, expected)
