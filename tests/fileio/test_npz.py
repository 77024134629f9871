import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmlevelset.fileio.seeds import read_seed
from mmlevelset.fileio.soft import read_soft, write_soft


def save(path: Path, **changed: np.ndarray) -> None:
    """A file of soft maps that could be right, with some arrays changed."""
    arrays = dict(
        keys=np.array([1, 3]),
        cam=np.full((2, 4, 6), 128, np.uint8),
        background=np.full((4, 6), 127, np.uint8),
        size=np.array([4, 6]),
    )
    np.savez_compressed(path, **{**arrays, **changed})


def claim(path: Path, name: str, shape: tuple[int, ...], data: bytes = b'') -> None:
    """Replace an array by a header that asks for ``shape`` of float16, and little data."""
    with zipfile.ZipFile(path) as archive:
        members = {entry: archive.read(entry) for entry in archive.namelist()}
    header = io.BytesIO()
    facts = dict(descr='<f2', fortran_order=False, shape=shape)
    np.lib.format.write_array_header_1_0(header, facts)
    members[f'{name}.npy'] = header.getvalue() + data
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for entry, content in members.items():
            archive.writestr(entry, content)


@pytest.mark.parametrize(
    ('changed', 'complaint'),
    [
        (dict(keys=np.array([1, 1])), 'distinct'),
        (dict(keys=np.array([1, 254])), r'0\.\.253'),  # the label 255 is void, and 256 wraps to 0
        (dict(keys=np.array([1, 256])), r'0\.\.253'),
        (dict(keys=np.array([-1, 1])), 'distinct'),
        (dict(keys=np.array([1.0, 3.0])), 'keys: expected shape'),
        (dict(keys=np.array([[1, 3]])), 'keys: expected shape'),
        (dict(keys=np.array([2**63, 1], np.uint64)), 'distinct'),
        (dict(cam=np.full((2, 4, 6), 1.5, np.float16)), r'\[0, 1\]'),
        (dict(cam=np.full((2, 4, 6), -0.5, np.float16)), r'\[0, 1\]'),
        (dict(cam=np.full((2, 4, 6), np.nan, np.float16)), 'nan'),
        (dict(cam=np.full((2, 4, 6), np.inf, np.float16)), 'inf'),
        (dict(cam=np.full((2, 4, 6), 0.5, np.float32)), 'float32'),
        (dict(cam=np.full((2, 6, 4), 9, np.uint8)), 'cam: expected shape'),
        (dict(cam=np.full((3, 4, 6), 9, np.uint8)), 'cam: expected shape'),
        (dict(background=np.full((4, 6), np.nan, np.float16)), 'nan'),
        (dict(background=np.full((4, 6), 7, np.float16)), r'\[0, 1\]'),
        (dict(background=np.full((4, 5), 7, np.uint8)), 'background: expected shape'),
        (dict(background=np.full((4, 6), 7, np.int32)), 'background: expected shape'),
        (dict(size=np.array([0, 6]), cam=np.zeros((2, 0, 6), np.uint8)), 'size'),
        (dict(size=np.array([-4, -6])), 'size'),
        (dict(size=np.array([4, 6, 1])), 'size'),
    ],
)
def test_what_is_no_seed_is_refused_with_its_name(
    tmp_path: Path, changed: dict[str, np.ndarray], complaint: str
) -> None:
    path = tmp_path / 'image_7.npz'
    save(path)
    assert read_soft(path)[1].shape == (3, 4, 6)
    save(path, **changed)
    with pytest.raises(ValueError, match=rf'image_7\.npz.*{complaint}'):
        read_soft(path)
    if 'background' not in changed:
        with pytest.raises(ValueError, match=rf'image_7\.npz.*{complaint}'):
            read_seed(path)


def test_keys_beyond_the_classes_where_they_are_known(tmp_path: Path) -> None:
    save(tmp_path / 'a.npz')
    assert read_seed(tmp_path / 'a.npz', 4).keys.tolist() == [1, 3]
    with pytest.raises(ValueError, match=r'a\.npz: keys .* 0\.\.2, got \[1, 3\]'):
        read_seed(tmp_path / 'a.npz', 3)


@pytest.mark.parametrize(
    ('size', 'shape', 'data'),
    [
        ((4, 6), (2, 4000, 6000), bytes(48 * 10**6)),  # unpacks to 48 MB
        ((4, 6), (2, 4, 6), bytes(10**6)),  # more than the header says
        ((10**4, 10**4), (2, 10**4, 10**4), b''),  # 400 MB, of nothing
        ((10**6, 10**6), (2, 10**6, 10**6), b''),  # 4 TB
        ((2**40, 2**40), (2, 2**40, 2**40), b''),  # no integer of 64 bits holds the product
    ],
)
def test_a_claim_is_checked_before_it_is_unpacked(
    tmp_path: Path, size: tuple[int, int], shape: tuple[int, ...], data: bytes
) -> None:
    path = tmp_path / 'image_7.npz'
    save(path, size=np.array(size))
    claim(path, 'cam', shape, data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r'image_7\.npz'):
            read_seed(path)
        peak = tracemalloc.get_traced_memory()[1]  # bytes, of NumPy's arrays as well
    finally:
        tracemalloc.stop()
    assert peak < 500_000


def test_a_directory_of_the_archive_that_lies_about_sizes(tmp_path: Path) -> None:
    """Header, size and directory agree on 200 MB; 100 packed bytes cannot hold them."""
    path = tmp_path / 'image_7.npz'
    save(path, size=np.array([10**4, 10**4]))
    claim(path, 'cam', (1, 10**4, 10**4))
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo('cam.npy')
    content = bytearray(path.read_bytes())
    place = content.rindex(b'cam.npy') - 46 + 24  # in the directory
    assert int.from_bytes(content[place : place + 4], 'little') == info.file_size
    content[place : place + 4] = (info.file_size + 4 * 10**8).to_bytes(4, 'little')
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'image_7\.npz'):
        read_seed(path)


def test_a_seed_in_another_byte_order_or_layout_is_the_same_seed(tmp_path: Path) -> None:
    soft = np.random.RandomState(0).rand(3, 4, 6).astype(np.float16)
    write_soft(tmp_path / 'a.npz', [1, 3], soft)
    save(
        tmp_path / 'b.npz',
        keys=np.array([1, 3], '>i4'),
        cam=np.asfortranarray(soft[1:].astype('>f2')),
        background=soft[0],
    )
    np.testing.assert_array_equal(
        read_soft(tmp_path / 'a.npz')[1], read_soft(tmp_path / 'b.npz')[1]
    )
