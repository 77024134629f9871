"""Loading errors name the file; image-level pipelines work without masks."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmlevelset.datasets import CheckedLoadAnnotations, CheckedLoadImage


def load_mask(path, shape=(6, 8)) -> dict:
    results = dict(
        img_path='a.jpg', ori_shape=shape, seg_map_path=str(path), reduce_zero_label=False,
        label_map=None, seg_fields=[],
    )  # fmt: skip
    return CheckedLoadAnnotations().transform(results)


def test_image_is_bgr_of_its_size(tmp_path):
    Image.new('RGB', (8, 6), (10, 20, 30)).save(tmp_path / 'a.png')
    results = CheckedLoadImage().transform(dict(img_path=str(tmp_path / 'a.png')))
    assert results['img'].shape == (6, 8, 3) and results['ori_shape'] == (6, 8)
    assert list(results['img'][0, 0]) == [30, 20, 10]


def test_grey_image_gets_three_channels(tmp_path):
    Image.new('L', (8, 6), 7).save(tmp_path / 'a.jpg')
    image = CheckedLoadImage().transform(dict(img_path=str(tmp_path / 'a.jpg')))['img']
    assert image.shape == (6, 8, 3) and (image == 7).all()


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.9])
def test_truncated_image_is_named(tmp_path, share):
    path = tmp_path / 'broken.jpg'
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match='broken.jpg: cannot be read as an image'):
        CheckedLoadImage().transform(dict(img_path=str(path)))


def test_missing_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.jpg'):
        CheckedLoadImage().transform(dict(img_path=str(tmp_path / 'gone.jpg')))


def test_palette_mask_gives_indices(tmp_path):
    mask = np.zeros((6, 8), np.uint8)
    mask[2, 3], mask[4, 5] = 15, 255
    image = Image.fromarray(mask)
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tolist())
    image.save(tmp_path / 'a.png')
    np.testing.assert_array_equal(load_mask(tmp_path / 'a.png')['gt_seg_map'], mask)


def test_mask_of_another_size(tmp_path):
    Image.new('L', (8, 6)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a.png: the mask.*\(6, 8\), .*a.jpg is \(8, 6\)'):
        load_mask(tmp_path / 'a.png', (8, 6))


def test_colour_mask(tmp_path):
    Image.new('RGB', (8, 6)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='a.png: got a colour image'):
        load_mask(tmp_path / 'a.png')


def test_broken_mask(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match='a.png: cannot be read as a mask'):
        load_mask(tmp_path / 'a.png')


def test_data_set_without_masks():
    with pytest.raises(ValueError, match='No mask for a.jpg.*data_prefix'):
        CheckedLoadAnnotations().transform(dict(img_path='a.jpg', seg_fields=[]))


def test_random_crop_without_masks():
    """mmseg's augmentations, and then the size of the crop, hold without ``gt_seg_map``."""
    init_default_scope('mmseg')
    np.random.seed(0)
    image = np.random.randint(0, 256, (240, 320, 3), np.uint8)
    results = dict(img=image, img_shape=(240, 320), ori_shape=(240, 320), seg_fields=[])
    for step in (
        dict(type='RandomResize', scale=(320, 320), ratio_range=(0.8, 1.25), keep_ratio=True),
        dict(type='RandomCrop', crop_size=(200, 200)),
        dict(type='RandomFlip', prob=1.0),
    ):
        results = TRANSFORMS.build(step)(results)
    assert 'gt_seg_map' not in results and results['flip']
    assert results['img'].shape[0] <= 200 and results['img'].shape[1] == 200
