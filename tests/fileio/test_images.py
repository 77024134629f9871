"""One reader of images: every kind of file is read right, or refused with its name."""

import io

import numpy as np
import pytest
from PIL import Image

from mmlevelset.datasets import CheckedLoadImage
from mmlevelset.fileio.images import GROUND, find_images, image_size, read_image
from mmlevelset.fileio.labels import write_label

RNG = np.random.default_rng(0)
PHOTO = np.asarray(Image.fromarray(RNG.integers(0, 256, (4, 6, 3), np.uint8)).resize((61, 37), 3))
GREY = PHOTO[..., 1]


def saved(path, image, **options):
    Image.fromarray(image).save(path, **options) if isinstance(image, np.ndarray) else image.save(
        path, **options
    )
    return path


@pytest.mark.parametrize('subsampling', [0, 1, 2])
def test_photographs_are_decoded_as_pillow_and_opencv_do(tmp_path, subsampling):
    cv2 = pytest.importorskip('cv2')
    path = saved(tmp_path / 'a.jpg', PHOTO, subsampling=subsampling)
    image = read_image(path)
    np.testing.assert_array_equal(image, np.asarray(Image.open(path)))
    np.testing.assert_array_equal(image, cv2.imread(str(path))[..., ::-1])
    loaded = CheckedLoadImage()(dict(img_path=str(path)))
    np.testing.assert_array_equal(loaded['img'][..., ::-1], image)
    assert loaded['ori_shape'] == image.shape[:2] == image_size(path) == (37, 61)


ORIENTED = {
    1: PHOTO, 2: PHOTO[:, ::-1], 3: PHOTO[::-1, ::-1], 4: PHOTO[::-1],
    5: PHOTO.transpose(1, 0, 2), 6: np.rot90(PHOTO), 7: np.rot90(PHOTO, 2).transpose(1, 0, 2),
    8: np.rot90(PHOTO, -1),
}  # fmt: skip


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'tif', 'webp'])
@pytest.mark.parametrize('orientation', ORIENTED)
def test_pictures_are_upright(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(ORIENTED[orientation])
    options = dict(lossless=True) if suffix == 'webp' else {}
    path = saved(tmp_path / f'a.{suffix}', stored, exif=exif, **options)
    tolerance = 40 if suffix == 'jpg' else 0  # the blocks of a JPEG lie elsewhere
    assert np.abs(read_image(path).astype(int) - PHOTO).max() <= tolerance
    assert image_size(path) == PHOTO.shape[:2]


def palette_image():
    return Image.fromarray(PHOTO).quantize(200)


@pytest.mark.parametrize(
    'image',
    [
        Image.fromarray(GREY), Image.fromarray(GREY > 99), palette_image(),
        Image.fromarray(PHOTO).convert('RGBA'), Image.fromarray(GREY).convert('LA'),
    ],
    ids=lambda image: image.mode,
)  # fmt: skip
def test_modes_of_8_bits(tmp_path, image):
    path = saved(tmp_path / 'a.png', image)
    np.testing.assert_array_equal(read_image(path), np.asarray(image.convert('RGB')))


def test_cmyk(tmp_path):
    path = saved(tmp_path / 'a.jpg', Image.fromarray(PHOTO).convert('CMYK'), quality=100)
    assert np.abs(read_image(path).astype(int) - PHOTO).mean() < 3


def test_what_is_transparent_shows_one_ground(tmp_path):
    """In whatever way a file says so: an alpha channel, a palette entry or a colour."""
    colours, grey = Image.new('RGBA', (2, 1), (9, 9, 9, 0)), Image.new('LA', (2, 1), (9, 0))
    colours.putpixel((1, 0), (1, 2, 3, 255))
    grey.putpixel((1, 0), (7, 255))
    palette = Image.new('P', (2, 1))
    palette.putpalette([9, 9, 9, 1, 2, 3])
    palette.putpixel((1, 0), 1)
    for image, colour in ((colours, (1, 2, 3)), (grey, (7, 7, 7)), (palette, (1, 2, 3))):
        options = dict(transparency=0) if image is palette else {}
        path = saved(tmp_path / 'a.png', image, **options)
        assert read_image(path).tolist() == [[list(GROUND), list(colour)]]


@pytest.mark.parametrize('dtype', [np.uint16, np.int32, np.float32])
def test_more_than_8_bits_are_refused(tmp_path, dtype):
    path = tmp_path / 'scan.tif'
    Image.fromarray((np.arange(12).reshape(3, 4) * 5000).astype(dtype)).save(path)
    with pytest.raises(ValueError, match='scan.tif: a grey image of more than 8 bits'):
        read_image(path)


@pytest.mark.parametrize('suffix', ['gif', 'png', 'tif', 'webp'])
def test_several_pictures_are_refused(tmp_path, suffix):
    frames = [Image.fromarray(np.roll(PHOTO, shift)) for shift in (0, 50)]
    frames[0].save(tmp_path / f'a.{suffix}', save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=rf'a.{suffix}: holds 2 pictures'):
        read_image(tmp_path / f'a.{suffix}')


def test_the_preview_of_a_camera_is_not_a_second_picture(tmp_path):
    """Telephones write JPEGs of several pictures (MPO); the first one is meant."""
    first, preview = Image.fromarray(PHOTO), Image.fromarray(PHOTO[:9, :9])
    first.save(tmp_path / 'a.jpg', format='MPO', save_all=True, append_images=[preview])
    assert read_image(tmp_path / 'a.jpg').shape == PHOTO.shape


def test_an_image_beyond_pillows_limit(tmp_path, monkeypatch):
    path = saved(tmp_path / 'a.png', PHOTO)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    readers = read_image, image_size, lambda path: CheckedLoadImage()(dict(img_path=str(path)))
    for reader in readers:
        with pytest.raises(ValueError, match=r'a\.png: is too large .*tiles'):
            reader(path)


def test_programs_are_not_run(tmp_path):
    """Pillow knows Encapsulated PostScript, which Ghostscript runs; the suffix says nothing."""
    saved(tmp_path / 'a.eps', PHOTO)
    (tmp_path / 'a.eps').rename(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='a.png: cannot be read as an image'):
        read_image(tmp_path / 'a.png')


def test_flipped_bits_of_a_png_are_noticed(tmp_path):
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, 'PNG')
    whole = file.getvalue()
    for bit in RNG.choice(8 * (len(whole) - 12), 60, replace=False):  # not in the end marker
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        (tmp_path / 'a.png').write_bytes(data)
        with pytest.raises(ValueError, match='a.png: '):
            read_image(tmp_path / 'a.png')


def test_finder(tmp_path, monkeypatch):
    names = [
        'a.jpg',
        'b.JPG',
        'c.jpeg',
        'd 1 (copy).png',
        'e.jpg',
        'e.png',
        'f.Tif',
        'g.txt',
        '2019123456.jpg',
    ]
    for name in names:
        (tmp_path / name).touch()
    ids = ['a', 'b', 'c', 'd 1 (copy)', 'e', 'f', '2019123456', '2019_123456']
    found = find_images(tmp_path, ids)
    expected = [
        'a.jpg',
        'b.JPG',
        'c.jpeg',
        'd 1 (copy).png',
        'e.jpg',
        'f.Tif',
        *2 * ['2019123456.jpg'],
    ]
    assert [path.name for path in found.values()] == expected
    with pytest.raises(FileNotFoundError, match=r'lacks the files of 1 id\(s\) \(g\) of 1'):
        find_images(tmp_path, ['g'])
    said = []
    monkeypatch.setattr('mmlevelset.fileio.images.print_log', lambda text, **_: said.append(text))
    (tmp_path / 'a.png').touch()
    assert find_images(tmp_path, ['a'])['a'].name == 'a.jpg'
    assert (
        sum('a.jpg and a.png are one image by their names: a.jpg is' in text for text in said) == 1
    )
    (tmp_path / 'a.JPG').touch()
    with pytest.raises(ValueError, match='a.JPG and a.jpg are the same image'):
        find_images(tmp_path, ['a'])
    with pytest.raises(FileNotFoundError, match='folder not found'):
        find_images(tmp_path / 'gone', ['a'])


def test_finder_of_longer_suffixes(tmp_path):
    for name in ('a_leftImg8bit.png', 'a_other.png'):
        (tmp_path / name).touch()
    assert find_images(tmp_path, ['a'], ['_leftImg8bit.png'])['a'].name == 'a_leftImg8bit.png'


def test_label_maps_are_no_images(tmp_path):
    """A folder of masks in the place of the images would be trained on."""
    write_label(tmp_path / 'a.png', np.eye(6, dtype=np.uint8))
    with pytest.raises(
        ValueError, match='a.png: a label map .* expected an image; give the folder'
    ):
        read_image(tmp_path / 'a.png')


def test_images_of_sixteen_colours_are_images(tmp_path):
    """The palette of Windows begins like VOC's: black, maroon, green, olive."""
    image = Image.fromarray(np.eye(6, dtype=np.uint8), mode='P')
    dark = [128 * bit for k in range(7) for bit in (k & 1, k >> 1 & 1, k >> 2)]
    image.putpalette([*dark, 192, 192, 192, 128, 128, 128, 255, 0, 0])
    image.save(tmp_path / 'a.png')
    assert np.array_equal(read_image(tmp_path / 'a.png'), np.array(image.convert('RGB')))
