"""What the pages show in Python runs: configs are read from their place, and plain torch is executed."""

import re
import shutil
from pathlib import Path

import pytest

from mmlevelset.config import read_config
from tests.test_docs import FENCE, PAGES, ROOT, name

BLOCKS = [
    (name(page), block)
    for page in PAGES
    for language, block in FENCE.findall(page.read_text(encoding='utf-8'))
    if language == 'python'
]
# A config that the reader writes begins with its path; an elision stands for what only they know.
CONFIGS = [
    (page, match[1], block)
    for page, block in BLOCKS
    if (match := re.match(r'# (configs/\S+\.py)\n', block)) and '...' not in block
]
IMPORT = re.compile(r'^(?:import|from) ([\w.]+)', re.MULTILINE)
PLAIN = [
    (page, block)
    for page, block in BLOCKS
    if set(IMPORT.findall(block)) == {'torch', 'mmlevelset.levelset'}  # others go on from something
]
LEAF = ROOT / 'configs/seed/cam/efficientnet-lite0_levelset_shapes.py'


@pytest.fixture(scope='module')
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of configs that a test may add to."""
    root = tmp_path_factory.mktemp('reader')
    shutil.copytree(ROOT / 'configs', root / 'configs')
    return root


def test_there_are_blocks() -> None:
    assert len(CONFIGS) > 5 and PLAIN


@pytest.mark.parametrize(
    ('page', 'path', 'block'), CONFIGS, ids=[f'{page}:{path}' for page, path, _ in CONFIGS]
)
def test_configs_of_the_reader_can_be_read(tree: Path, page: str, path: str, block: str) -> None:
    (tree / path).write_text(block, encoding='utf-8')
    cfg = read_config(str(tree / path))
    assert cfg.model.type and cfg.train_dataloader.dataset.type


@pytest.mark.parametrize(('page', 'block'), PLAIN, ids=[page for page, _ in PLAIN])
def test_plain_torch_runs(page: str, block: str) -> None:
    exec(compile(block, page, 'exec'), {})


def test_the_configs_that_a_page_explains_are_those_of_the_repository() -> None:
    """configs.md shows whole files: theirs, without comments."""
    shown = [
        block for page, block in BLOCKS if page == 'docs/en/configs.md' and '_base_ = ' in block
    ]
    files = [
        re.sub(r'(?m)^#.*\n|  #.*$', '', path.read_text(encoding='utf-8'))
        for path in LEAF.parent.glob('*_shapes*.py')
    ]
    own = [block for block in shown if not block.startswith('# configs/')]
    assert len(own) == 3
    assert all(block in files for block in own)
