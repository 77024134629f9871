"""One reader of masks: the numbers that are stored, or an error with the file's name."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmlevelset.datasets import CheckedLoadAnnotations
from mmlevelset.datasets.image_labels import labels_from_masks
from mmlevelset.fileio.labels import decode_label, read_label, voc_palette, write_label

RNG = np.random.default_rng(0)


def png(depth, rows, colour=0):
    """A PNG of any bit depth, made by hand: Pillow writes 1, 8 and 16 bits of grey only."""

    def chunk(kind, data):
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    height, width = rows.shape
    bits = ((rows[..., None] >> np.arange(depth)[::-1]) & 1).reshape(height, -1).astype(np.uint8)
    lines = b''.join(b'\0' + np.packbits(line).tobytes() for line in bits)
    head = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    palette = chunk(b'PLTE', voc_palette(2**depth).tobytes()) if colour == 3 else b''
    chunks = (
        chunk(b'IHDR', head) + palette + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b'')
    )
    return b'\x89PNG\r\n\x1a\n' + chunks


def load(path, shape, **more):
    results = dict(img_path='a.jpg', ori_shape=shape, seg_map_path=str(path), seg_fields=[], **more)
    return CheckedLoadAnnotations()(results)['gt_seg_map']


@pytest.mark.parametrize(
    'depth, colour', [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (1, 3), (2, 3), (4, 3), (8, 3)]
)
def test_every_depth_gives_the_stored_numbers(tmp_path, depth, colour):
    """Pillow spreads grey of 2 and 4 bits over 0..255: 15 would be void."""
    label = np.arange(min(2**depth, 256)).reshape(2, -1)
    (tmp_path / 'a.png').write_bytes(png(depth, label, colour))
    np.testing.assert_array_equal(read_label(tmp_path / 'a.png'), label)
    np.testing.assert_array_equal(load(tmp_path / 'a.png', label.shape), label)


def test_16_bits_do_not_wrap(tmp_path):
    (tmp_path / 'a.png').write_bytes(png(16, np.array([[0, 257]])))
    for reader in (read_label, lambda path: load(path, (1, 2))):
        with pytest.raises(ValueError, match=r'a.png: holds the labels \[257\]'):
            reader(tmp_path / 'a.png')


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'LA', 'CMYK', 'F'])
def test_what_holds_no_labels(tmp_path, mode):
    Image.new(mode, (4, 3)).save(tmp_path / 'a.tif')
    with pytest.raises(ValueError, match=rf'a.tif: got a colour image.*mode {mode}'):
        read_label(tmp_path / 'a.tif')


@pytest.mark.parametrize('suffix', ['jpg', 'webp'])
def test_lossy_masks_are_refused(tmp_path, suffix):
    Image.new('L', (4, 3)).save(tmp_path / f'a.{suffix}')
    with pytest.raises(ValueError, match='lossy'):
        read_label(tmp_path / f'a.{suffix}')
    Image.new('L', (16, 16)).save(tmp_path / 'b.tif', compression='jpeg')
    with pytest.raises(ValueError, match='lossy'):
        read_label(tmp_path / 'b.tif')


@pytest.mark.parametrize('suffix', ['png', 'tif', 'bmp'])
def test_other_lossless_files(tmp_path, suffix):
    label = RNG.integers(0, 256, (5, 7), np.uint8)
    Image.fromarray(label).save(tmp_path / f'a.{suffix}')
    np.testing.assert_array_equal(read_label(tmp_path / f'a.{suffix}'), label)


def test_labels_beyond_the_classes(tmp_path):
    write_label(tmp_path / 'a.png', np.array([[0, 1, 2, 3, 255]]))
    assert load(tmp_path / 'a.png', (1, 5), num_labels=4).tolist() == [[0, 1, 2, 3, 255]]
    readers = (
        lambda path: read_label(path, 3),
        lambda path: load(path, (1, 5), num_labels=3),
        lambda path: labels_from_masks({'a': path}, ('background', 'x', 'y')),
    )
    for reader in readers:
        with pytest.raises(
            ValueError, match=r'a.png: holds the labels \[3\], expected 0\.\.2 and 255'
        ):
            reader(tmp_path / 'a.png')


def test_flipped_bits_are_noticed(tmp_path):
    label = np.kron(RNG.integers(0, 9, (6, 6)), np.ones((7, 7))).astype(np.uint8)
    write_label(tmp_path / 'a.png', label)
    whole, kept = (tmp_path / 'a.png').read_bytes(), 0
    for bit in RNG.choice(8 * len(whole), 300, replace=False):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        try:
            np.testing.assert_array_equal(decode_label(bytes(data), 'a.png'), label)
            kept += 1  # the check sum of the end marker
        except ValueError as error:
            assert 'a.png: ' in str(error)
    assert kept < 10


def test_mmsegmentations_shifts(tmp_path):
    """As its own loader does them; refused where image-level labels would stay as they are."""
    write_label(tmp_path / 'a.png', np.array([[0, 1, 2, 255]]))
    assert load(tmp_path / 'a.png', (1, 4), reduce_zero_label=True).tolist() == [[255, 0, 1, 255]]
    assert load(tmp_path / 'a.png', (1, 4), label_map={2: 7, 1: 255}).tolist() == [[0, 255, 7, 255]]
    for option in (dict(reduce_zero_label=True), dict(label_map={1: 2})):
        with pytest.raises(ValueError, match='a.png: reduce_zero_label and label_map'):
            load(tmp_path / 'a.png', (1, 4), img_label=np.ones(2), **option)


def test_a_sideways_mask_belongs_to_a_sideways_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    label = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(np.ascontiguousarray(np.rot90(label))).save(tmp_path / 'a.png', exif=exif)
    np.testing.assert_array_equal(read_label(tmp_path / 'a.png'), label)


def test_truncated(tmp_path):
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 9, (40, 40), np.uint8)).save(file, 'PNG')
    for size in range(0, len(file.getvalue()) - 1, 37):
        with pytest.raises(ValueError, match='a.png: cannot be read as a mask'):
            decode_label(file.getvalue()[:size], 'a.png')
