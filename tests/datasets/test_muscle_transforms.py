"""MuSCLe's views: both show the same pixels in their overlap."""

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmlevelset.config import read_config
from mmlevelset.datasets import OverlappingViews, PackViews


def numbered(height: int, width: int) -> np.ndarray:
    """An image whose pixels all differ."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, y // 256 + 8 * (x // 256)], 2).astype(np.uint8)


@pytest.mark.parametrize(('shape', 'min_size'), [((100, 150), (60, 60)), ((41, 150), (60, 50))])
def test_overlap(shape, min_size):
    transform = OverlappingViews(size=(40, 30), min_size=min_size)
    sizes = set()
    for _ in range(50):
        results = transform(dict(img=numbered(*shape)))
        views, boxes = results['views'], results['view_boxes']
        assert views.shape == (2, 40, 30, 3) and boxes.shape == (2, 4)
        (y, x, h, w), (y2, x2, h2, w2) = boxes
        assert (h, w) == (h2, w2) and h > 0 and w > 0
        np.testing.assert_array_equal(
            views[0][y : y + h, x : x + w], views[1][y2 : y2 + h, x2 : x2 + w]
        )
        # Nothing is left out: the overlap touches a border of either view along both axes.
        assert 0 in (y, y2) and 0 in (x, x2) and 40 in (y + h, y2 + h) and 30 in (x + w, x2 + w)
        sizes.add((h, w))
        np.testing.assert_array_equal(results['img'], numbered(*shape))
    assert len(sizes) > 20


def test_views_larger_than_the_image():
    with pytest.raises(ValueError, match='make the views smaller'):
        OverlappingViews(size=(50, 50), min_size=(60, 40))


def test_pack():
    results = dict(img=numbered(8, 9), img_label=np.ones(2, np.float32))
    results = OverlappingViews(size=(4, 4), min_size=(8, 8))(results)
    packed = PackViews(meta_keys=('img_label',))(results)
    sample = packed['data_samples']
    assert sample.views.shape == (2, 3, 4, 4) and sample.view_boxes.shape == (2, 4)
    np.testing.assert_array_equal(sample.views[1].permute(1, 2, 0), results['views'][1])
    assert packed['inputs'].shape == (3, 8, 9) and sample.img_label.shape == (2,)


def test_pipeline_of_voc12():
    """The recipe on one image: views of 224, an image of 448, and colours of each on its own."""
    np.random.seed(0)
    pipeline = read_config('configs/_base_/datasets/voc12_muscle.py').train_pipeline[1:]
    packed = Compose(pipeline)(dict(img=numbered(375, 500), img_label=np.ones(20, np.float32)))
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 448, 448) and sample.views.shape == (2, 3, 224, 224)
    first, second = sample.views.numpy().transpose(0, 2, 3, 1)
    (y, x, h, w), (y2, x2, _, _) = sample.view_boxes.tolist()
    assert (first[y : y + h, x : x + w] != second[y2 : y2 + h, x2 : x2 + w]).any()
