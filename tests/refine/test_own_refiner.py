"""The refiner that docs/en/refine.md tells users to write, in the processes of the tool."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter

from mmlevelset.config import read_config
from mmlevelset.fileio.meta import write_meta
from mmlevelset.fileio.seeds import read_seed, write_seed
from mmlevelset.fileio.soft import read_soft
from mmlevelset.refine.folder import refine_folder

PAGE = (Path(__file__).parents[2] / 'docs/en/refine.md').read_text(encoding='utf-8')
IDS = ['a', 'b', 'c']


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files as a user would write them, and three images with seeds."""
    for name, code in re.findall(r'```python\n# (my_project/\S+)\n(.*?)```', PAGE, re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    images, seeds = tmp_path / 'data/mine/JPEGImages', tmp_path / 'seeds'
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for id_ in IDS:
        Image.new('RGB', (12, 8)).save(images / f'{id_}.jpg')
        write_seed(seeds / f'{id_}.npz', [1], rng.random((1, 8, 12), np.float32), (8, 12))
    write_meta(seeds, kind='seeds', images=3, complete=True, classes=['background', 'x', 'y'])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith('my_project')]:
        del sys.modules[name]


@pytest.mark.slow
def test_the_page_s_refiner_runs_in_processes(project: Path) -> None:
    cfg = read_config('my_project/smooth_mine.py').to_dict()
    assert refine_folder(cfg['refiner'], 'seeds', 'data/mine/JPEGImages', 'out', jobs=2) == 3
    for id_ in IDS:
        keys, soft = read_soft(project / f'out/soft/{id_}.npz')
        assert keys.tolist() == [1]
        scores = np.concatenate(
            [np.full((1, 8, 12), 0.4), read_seed(project / f'seeds/{id_}.npz').scores]
        )
        # float16 keeps 11 bits
        np.testing.assert_allclose(soft, uniform_filter(scores, (1, 5, 5)), rtol=2**-11, atol=1e-7)


def test_unknown_refiner_names_the_cure(project: Path) -> None:
    with pytest.raises(ValueError, match="no refiner 'Nothing'.*custom_imports"):
        refine_folder(dict(type='Nothing'), 'seeds', 'data/mine/JPEGImages', 'out')
    assert not (project / 'out').exists()
