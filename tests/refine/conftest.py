"""A folder of seeds and their images, which refiners are given."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmlevelset.fileio.meta import write_meta
from mmlevelset.fileio.seeds import write_seed


@pytest.fixture
def folders(tmp_path) -> dict[str, Path]:
    """Seven images, one of them without a class, and their seeds."""
    random = np.random.default_rng(0)
    folders = dict(seed_dir=tmp_path / 'seeds', image_dir=tmp_path / 'images')
    folders['image_dir'].mkdir()
    for i in range(7):
        height, width, keys = 40 + i, 50 - i, [1, 4][: i % 3]
        image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(image).save(folders['image_dir'] / f'{i}.png')
        scores = random.random((len(keys), height, width)).astype(np.float32)
        write_seed(folders['seed_dir'] / f'{i}.npz', keys, scores, (height, width))
    write_meta(folders['seed_dir'], kind='seeds', classes=['background', *'abcde'], split='train')
    return folders
