"""Toy inputs of the heads, and the epoch that they see."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample
from torch import Tensor

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def blobs(n: int, classes: int, size: int = 16) -> Tensor:
    """CAMs with one bump per class, each at its own place, (n, classes, size, size), 0..1."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
    maps = []
    for c in range(classes):
        cy, cx = 4 + 7 * (c % 2), 4 + 7 * (c // 2)
        maps.append(torch.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 12.0))
    return torch.stack(maps).expand(n, -1, -1, -1).clone()


@pytest.fixture(autouse=True)
def scope() -> None:
    """Configs of models name classes of mmsegmentation, whatever a test before has run."""
    init_default_scope('mmseg')


@pytest.fixture
def make_samples() -> Callable:
    """``make_samples(labels, cam=None, image=None)``: samples as host and preprocessor leave them."""

    def make(
        labels: Sequence, cam: Tensor | None = None, image: Tensor | None = None
    ) -> list[SegDataSample]:
        labels = np.asarray(labels, np.float32)
        if image is None:
            image = torch.randn(len(labels), 3, 32, 32)
        samples = []
        for i, label in enumerate(labels):
            sample = SegDataSample(
                metainfo=dict(img_label=label, img_mean=MEAN, img_std=STD, img_shape=(32, 32))
            )
            sample.set_data({'input_image': image[i]})
            if cam is not None:
                sample.set_data({'cam': cam[i]})
            samples.append(sample)
        return samples

    return make


@pytest.fixture
def make_blobs() -> Callable:
    """``make_blobs(n, classes, size=16)``, see :func:`blobs`."""
    return blobs


@pytest.fixture
def epoch() -> Iterator[Callable]:
    """The first of 16 epochs of an iteration each, whatever ran before; ``epoch(4)`` turns to the fifth."""
    hub = MessageHub.get_current_instance()
    hub.update_info('max_iters', 16)

    def turn_to(number: int) -> None:
        hub.update_info('iter', number)

    turn_to(0)
    yield turn_to
    turn_to(0)
