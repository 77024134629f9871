"""Inputs of AffinityNet and IRNet, against psa's data set (commit 9493e59) where there are numbers."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import RandomFlip
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import Resize

from mmlevelset.affinity.losses import pair_labels
from mmlevelset.affinity.paths import half_disc
from mmlevelset.datasets import (
    LoadAffinityScores,
    PoolAffinityLabel,
    RandomPlacedPairCrop,
    RandomRescale,
    StrideLabel,
)
from mmlevelset.fileio.soft import write_soft

PSA = np.load(Path(__file__).resolve().parents[1] / 'data/psa_affinity_label.npz')
init_default_scope('mmseg')


@pytest.mark.parametrize('levels', [None, 255])
def test_labels_of_psa(levels):
    """Posteriors at two alphas -> pairs, also from posteriors stored as bytes."""
    scores = np.concatenate([PSA['la_prob'], PSA['ha_prob']]).transpose(1, 2, 0)
    if levels:
        scores = np.rint(levels * scores) / levels
    label = PoolAffinityLabel(8).transform(dict(gt_seg_map=scores))['gt_seg_map']
    pairs = pair_labels(torch.tensor(label)[None], half_disc(5), 5)
    for ours, name in zip(pairs, ('bg_pos', 'fg_pos', 'neg'), strict=True):
        np.testing.assert_array_equal(ours[0].flatten(1), PSA[f'ds_{name}'])


def test_rules_of_the_label():
    """Cells: confident class; class at low but background at high alpha; neither; padding."""
    low = np.array([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1], [0, 0]])
    high = np.array([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8], [0, 0]])
    scores = np.concatenate([low, high], axis=1)[None].repeat(2, 0).repeat(2, 1)
    label = PoolAffinityLabel(2).transform(dict(gt_seg_map=scores))['gt_seg_map']
    assert label.tolist() == [[1, 0, 255, 255]]


def test_sizes_that_no_grid_fits():
    scores = np.zeros((16, 20, 4), np.float32)
    with pytest.raises(ValueError, match='scores of 16 x 20 pixels for a grid of stride 8'):
        PoolAffinityLabel(8).transform(dict(gt_seg_map=scores))


def test_loading(tmp_path):
    soft = np.random.default_rng(0).random((3, 6, 8)).astype(np.float32)
    for name, maps in (('low', soft), ('high', 1 - soft)):
        write_soft(
            tmp_path / name / 'soft/a_left.npz', [2, 5], maps, 'uint8'
        )  # as its image is called
    item = dict(
        img_id='a', img_path='x/a_left.png', img=np.zeros((6, 8, 3), np.uint8), seg_fields=[]
    )
    item = LoadAffinityScores(str(tmp_path)).transform(item)
    expected = np.concatenate([soft, 1 - soft]).transpose(1, 2, 0)
    np.testing.assert_allclose(item['gt_seg_map'], expected, atol=0.5 / 255 + 1e-6)
    # Later transforms treat the stack of scores as they treat a label map.
    assert item['seg_fields'] == ['gt_seg_map']
    resized = Resize(scale=(16, 12), keep_ratio=False).transform(dict(item))['gt_seg_map']
    np.testing.assert_array_equal(resized, item['gt_seg_map'].repeat(2, 0).repeat(2, 1))
    flipped = RandomFlip(prob=1.0).transform(dict(item))['gt_seg_map']
    np.testing.assert_array_equal(flipped, item['gt_seg_map'][:, ::-1])
    with pytest.raises(ValueError, match=r'a_left.npz is \(6, 8\) \(H, W\), the image \(5, 5\)'):
        wrong = dict(
            img_id='a', img_path='x/a_left.png', img=np.zeros((5, 5, 3), np.uint8), seg_fields=[]
        )
        LoadAffinityScores(str(tmp_path)).transform(wrong)


@pytest.mark.parametrize('size', [(30, 41), (9, 12), (30, 9)])
def test_crop_keeps_image_and_labels_together(size):
    values = np.random.default_rng(0).integers(1, 200, size).astype(np.uint8)
    crop = RandomPlacedPairCrop((16, 20), pad_val=(0, 0, 0), seg_pad_val=255)
    for _ in range(5):
        item = crop.transform(dict(img=values[..., None].repeat(3, 2), gt_seg_map=values))
        image, label = item['img'], item['gt_seg_map']
        assert image.shape == (16, 20, 3) and image.dtype == np.float32
        assert label.shape == (16, 20) and label.dtype == np.uint8
        inside = label != 255
        assert inside.sum() == min(size[0], 16) * min(size[1], 20)
        np.testing.assert_array_equal(image[..., 0], np.where(inside, label, 0))


def test_stride_label_takes_the_middle_of_the_cells():
    label = np.arange(64).reshape(8, 8)
    assert StrideLabel(4).transform(dict(gt_seg_map=label))['gt_seg_map'].tolist() == [
        [18, 22],
        [50, 54],
    ]


def test_random_rescale():
    label = np.zeros((20, 30), np.uint8)
    label[:, 15:] = 7
    sizes = set()
    for _ in range(20):
        item = dict(
            img=np.zeros((20, 30, 3), np.uint8), gt_seg_map=label, seg_fields=['gt_seg_map']
        )
        item = RandomRescale((0.5, 1.5)).transform(item)
        height, width = item['gt_seg_map'].shape
        assert item['img'].shape == (height, width, 3) and set(np.unique(item['gt_seg_map'])) == {
            0,
            7,
        }
        assert 10 <= height <= 30 and abs(width - 1.5 * height) <= 1.5
        sizes.add(height)
    assert len(sizes) > 5


@pytest.mark.parametrize(('backend', 'taken'), [('pillow', [1, 3, 5, 7]), ('cv2', [0, 2, 4, 6])])
def test_random_rescale_takes_the_labels_of_pillow_or_opencv(
    backend: str, taken: list[int]
) -> None:
    """deeplab-pytorch (base.py) resizes its labels by Pillow beside an image by OpenCV."""
    label, image = np.arange(8, dtype=np.uint8)[None].repeat(8, 0), np.zeros((8, 8, 3), np.uint8)
    image[:, 4:] = 200
    item = dict(img=image, gt_seg_map=label, seg_fields=['gt_seg_map'])
    rescale = RandomRescale((0.5, 0.5), 'bilinear', backend='cv2', label_backend=backend)
    found = rescale.transform(item)
    assert found['gt_seg_map'][0].tolist() == taken
    np.testing.assert_array_equal(found['img'], cv2.resize(image, (4, 4)))
