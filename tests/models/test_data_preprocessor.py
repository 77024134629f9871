"""LevelSetPreProcessor: the image of the energy is the image of the backbone."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample

from mmlevelset.levelset.energy import edge_stopping
from mmlevelset.models import LevelSetPreProcessor
from mmlevelset.structures.fields import unit_images

OPTIONS = dict(mean=[127.0, 120.0, 100.0], std=[60.0, 50.0, 40.0], bgr_to_rgb=True)


def batch(*sizes: tuple[int, int]) -> dict:
    """Random uint8 images (BGR) with masks."""
    inputs = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes]
    samples = [
        SegDataSample(
            metainfo=dict(img_shape=size),
            gt_sem_seg=PixelData(data=torch.ones(1, *size, dtype=torch.int64)),
        )
        for size in sizes
    ]
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize('training', [True, False])
def test_image_comes_back(training):
    """unit_images undoes the normalisation: RGB / 255."""
    data = batch((8, 12), (8, 12))
    raw = torch.stack(data['inputs'])
    out = LevelSetPreProcessor(size=(8, 12), **OPTIONS)(data, training)
    for sample, x in zip(out['data_samples'], out['inputs'], strict=True):
        assert torch.equal(sample.input_image, x)
    torch.testing.assert_close(unit_images(out['data_samples']), raw.flip(1) / 255)


def test_images_larger_than_the_padding_are_refused():
    preprocessor = LevelSetPreProcessor(size=(16, 16), **OPTIONS)
    with pytest.raises(
        ValueError, match=r'size=\(16, 16\), .* one of \(24, 8\) .*: set it to the size'
    ):
        preprocessor(batch((8, 12), (24, 8)), True)


def test_padding_is_the_mean_colour_and_the_energy_sees_none():
    """Smaller images are padded with zeros after normalisation; masks with void."""
    data = batch((8, 12), (16, 16))
    raw = data['inputs'][0].flip(0) / 255
    out = LevelSetPreProcessor(size=(16, 16), seg_pad_val=255, **OPTIONS)(data, True)
    images = unit_images(out['data_samples'])
    assert images.shape == (2, 3, 16, 16)
    assert (out['inputs'][0, :, 8:] == 0).all() and (out['inputs'][0, :, :, 12:] == 0).all()
    beyond = torch.nn.functional.pad(raw[None], (0, 4, 0, 8), mode='replicate')[0]
    torch.testing.assert_close(images[0], beyond)
    assert (out['data_samples'][0].gt_sem_seg.data[:, 8:, 12:] == 255).all()


def test_a_contour_gains_nothing_from_the_rim_of_the_ground():
    """A placed crop of an image of one colour has no edge."""
    torch.manual_seed(0)
    data = batch((32, 32))
    data['inputs'][0][:], box = 200, (8, 4, 24, 28)
    ground = torch.ones(32, 32, dtype=torch.bool)
    ground[box[0] : box[2], box[1] : box[3]] = False
    data['inputs'][0][:, ground] = 100
    edges = []
    for placed in (None, box):
        if placed:
            data['data_samples'][0].set_metainfo(dict(img_box=placed))
        out = LevelSetPreProcessor(size=(32, 32), **OPTIONS)(data, True)
        edges.append(edge_stopping(unit_images(out['data_samples'])))
    assert edges[0].min() < 0.1 and (edges[1] > 0.999).all()


def test_without_normalisation():
    data = batch((8, 8))
    raw = data['inputs'][0]
    out = LevelSetPreProcessor(size_divisor=8)(data, True)
    torch.testing.assert_close(unit_images(out['data_samples'])[0], raw / 255)


def test_same_inputs_as_the_parent():
    torch.manual_seed(1)
    ours = LevelSetPreProcessor(size=(16, 16), **OPTIONS)(batch((8, 12)), True)['inputs']
    torch.manual_seed(1)
    parent = SegDataPreProcessor(size=(16, 16), **OPTIONS)(batch((8, 12)), True)['inputs']
    assert torch.equal(ours, parent)


def test_without_samples():
    """Plain inference on arrays has no samples to write to."""
    image = torch.from_numpy(np.zeros((3, 8, 8), np.uint8))
    assert LevelSetPreProcessor(**OPTIONS)(dict(inputs=[image]), False)['data_samples'] is None
