"""A wheel in an empty folder is enough: it is built, installed beside nothing of a clone, and used."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENDINGS = ('.py', '.sh', '.json', '.yml')
CONFIG = """
_base_ = 'mmlevelset::seed/cam/efficientnet-lite0_levelset_shapes.py'
small = dict(batch_size=2, dataset=dict(indices=2))
train_dataloader = test_dataloader = small
model = dict(backbone=dict(init_cfg=None, frozen_cache=None))
train_cfg = dict(max_epochs=1)
load_from = None
"""


def pip(*words: str) -> None:
    """Run pip with what is installed alone."""
    command = [sys.executable, '-m', 'pip', '-q', '--disable-pip-version-check', *words]
    subprocess.run(command, check=True)


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the package, as its wheel installs it."""
    source, wheels, site = (tmp_path_factory.mktemp(n) for n in ('source', 'wheels', 'site'))
    for name in ('mmlevelset', 'configs', 'tools'):
        ignored = shutil.ignore_patterns('__pycache__', '.mim')
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for path in (*ROOT.glob('*.*'), ROOT / 'LICENSE'):
        if path.is_file():
            shutil.copy(path, source)
    pip('wheel', '--no-deps', '--no-build-isolation', str(source), '-w', str(wheels))
    pip('install', '--no-deps', '--no-index', '--target', str(site), *map(str, wheels.iterdir()))
    return site


def call(site: Path, folder: Path, *words: str) -> str:
    """Run the installed console command in a folder; its output."""
    env = {
        **os.environ,
        'PYTHONPATH': str(site),
        'OMP_NUM_THREADS': '1',
        'CUDA_VISIBLE_DEVICES': '',
    }
    command = [sys.executable, str(site / 'bin/mmlevelset'), *words]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    result = subprocess.run(command, cwd=folder, env=env, **pipes)
    assert result.returncode == 0, result.stdout[-4000:]
    return result.stdout


@pytest.mark.slow
def test_an_empty_folder_is_enough(site: Path, tmp_path: Path) -> None:
    assert 'check-data' in call(site, tmp_path)
    # Its stage names a tool, which lies in the wheel, and fills a folder of the user.
    named = ('pipeline', 'pipeline/shapes_efficientnet-lite0_levelset')
    output = call(site, tmp_path, *named, '--only', 'data')
    assert 'left to do' in output and (tmp_path / 'data/shapes/JPEGImages').is_dir()
    log = (tmp_path / 'work_dirs/shapes/logs/data.log').read_text()
    assert f'{site}/mmlevelset/.mim/tools/dataset_converters/shapes.py' in log

    (tmp_path / 'mine.py').write_text(CONFIG)
    call(site, tmp_path, 'train', 'mine.py')
    checkpoint = 'work_dirs/mine/epoch_1.pth'
    call(site, tmp_path, 'test', 'mine.py', checkpoint, '--seeds-only', 'seeds')
    assert len(list((tmp_path / 'seeds').glob('*.npz'))) == 2
    # Python itself may lie in the clone, in the README's .venv.
    assert not any(f'{ROOT}/{folder}/' in log for folder in ('tools', 'configs', 'mmlevelset'))


@pytest.mark.slow
def test_the_wheel_carries_what_a_clone_has(site: Path) -> None:
    """Every config and tool, where openmim looks; the scripts can be run."""
    carried = site / 'mmlevelset/.mim'
    for folder in ('configs', 'tools'):
        ours = {p.relative_to(ROOT) for p in (ROOT / folder).rglob('*') if p.suffix in ENDINGS}
        assert ours and ours == {
            p.relative_to(carried) for p in (carried / folder).rglob('*') if p.suffix in ENDINGS
        }
    assert (carried / 'model-index.yml').read_bytes() == (ROOT / 'model-index.yml').read_bytes()
    assert os.access(carried / 'tools/dist_train.sh', os.X_OK)
