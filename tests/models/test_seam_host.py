"""What the SEAM host adds to the official network: its losses of present classes, other backbones."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmlevelset.config import read_config
from mmlevelset.models.heads import seam_head
from tests.models.test_seam import CONFIGS, tiny, train_step


def test_losses_of_present_classes():
    """As of whole maps at the size of the views, in which absent classes are zero: values and gradients."""
    head, sizes = (
        seam_head.SEAMHead(3, in_channels=(2, 2, 4)),
        [torch.Size((9, 12)), torch.Size((3, 4))],
    )
    samples = [SegDataSample(metainfo=dict(img_label=np.array(y, np.float32)))
               for y in ([1, 0, 1], [0, 1, 0], [0, 0, 0])]  # fmt: skip
    torch.manual_seed(0)
    scores, revised = ([torch.randn(3, 4, n, n).requires_grad_() for n in (5, 2)] for _ in '12')
    losses = head.loss_by_feat(scores, [rv.relu() for rv in revised], samples, sizes)

    labels = torch.tensor(np.stack([s.img_label for s in samples]))
    present = F.pad(labels, (1, 0), value=1)[:, :, None, None]
    enlarge = [
        [
            F.interpolate(m, s, mode='bilinear', align_corners=True)
            for m, s in zip(maps, sizes, strict=True)
        ]
        for maps in (scores, [rv.relu() for rv in revised])
    ]
    small = [
        [
            F.interpolate(seam_head.max_norm(m), sizes[1], mode='bilinear', align_corners=True)
            * present
            for m in maps
        ]
        for maps in enlarge
    ]
    targets = [
        seam_head.winners(seam_head.rest_as_background(cam.detach())) for cam in reversed(small[0])
    ]
    expected = dict(
        loss_cls=sum(
            F.multilabel_soft_margin_loss(m.mean((2, 3))[:, 1:], labels) for m in enlarge[0]
        )
        / 2,
        loss_rvmin=sum(seam_head.min_pool((m * present)[:, 1:]) for m in enlarge[1]) / 2,
        loss_er=(small[0][0] - small[0][1])[:, 1:].abs().mean(),
        loss_ecr=sum(
            seam_head.largest(t - rv, 0.2) for t, rv in zip(targets, small[1], strict=True)
        ),
    )
    weights = dict(loss_cls=1.0, loss_rvmin=0.7, loss_er=1.3, loss_ecr=0.5)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    ours, theirs = (
        torch.autograd.grad(sum(w * d[k] for k, w in weights.items()), [*scores, *revised])
        for d in (losses, expected)
    )
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_seam_on_efficientnet(tmp_path):
    """Side maps of other strides than the CAM's, at stride 16; both views are memoised; the level set trains."""
    cfg = read_config(str(CONFIGS / 'efficientnet-lite0_levelset_voc20.py'))
    cfg.model.backbone.update(init_cfg=None, frozen_cache=str(tmp_path))
    init_default_scope('mmseg')
    net = MODELS.build(cfg.model)
    net.init_weights()
    net.data_preprocessor.size_divisor = None
    losses, samples = train_step(net, side=96)
    assert [sample.cam.shape for sample in samples] == [(20, 6, 6)] * 2
    assert len(list(tmp_path.rglob('*.npz'))) == 4
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert not [k for k, p in net.named_parameters() if p.requires_grad and p.grad is None]


def test_small_view_is_smaller():
    with pytest.raises(ValueError, match='small_scale=3, expected a share between 0 and 1'):
        tiny(small_scale=3)
