"""The documentation site finds every page, and its links lead to pages; `.ci/run` builds it."""

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.test_docs import LINK, ROOT

pytest.importorskip('sphinx')


@pytest.fixture(scope='module')
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location('build_docs', ROOT / 'docs/build.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules['build_docs'] = module
    spec.loader.exec_module(module)
    return module


PAGES = {
    'README.md': 'index',
    'docs/en/seeds.md': 'seeds',
    'configs/refine/README.md': 'recipes/refine',
}


@pytest.mark.parametrize(
    ('source', 'page', 'text', 'wanted'),
    [
        ('README.md', 'index', '[s](docs/en/seeds.md#files)', '[s](seeds.md#files)'),
        ('docs/en/hosts.md', 'hosts', '[`a`](../../configs/refine)', '[`a`](recipes/refine.md)'),
        (
            'configs/refine/README.md',
            'recipes/refine',
            '[s](../../docs/en/seeds.md)',
            '[s](../seeds.md)',
        ),
        ('docs/en/hosts.md', 'hosts', '[code](../../mmlevelset/config.py)', 'code'),
        ('README.md', 'index', '![p](docs/en/img/stages.png)', '![p](img/stages.png)'),
        ('README.md', 'index', '`[a](b.md)` [x](https://e.org)', '`[a](b.md)` [x](https://e.org)'),
        ('README.md', 'index', '```\n[a](b.md)\n```', '```\n[a](b.md)\n```'),
        ('README.md', 'index', '[here](#there)', '[here](#there)'),
    ],
)
def test_links(build, source, page, text, wanted):
    assert build.linked(text, source, page, PAGES) == wanted


def test_every_page_is_in_the_menu(build, tmp_path):
    build.collect(tmp_path / 'source')
    written = {
        path.relative_to(tmp_path / 'source').with_suffix('').as_posix()
        for path in (tmp_path / 'source').rglob('*.*')
        if path.suffix in ('.md', '.rst')
    }
    listed = set(build.menu().split())
    assert written - {'index'} <= listed
    assert {name for names in build.MENU.values() for name in names} <= written
    for path in (tmp_path / 'source').rglob('*.md'):
        for link in LINK.findall(path.read_text(encoding='utf-8')):
            file = link.partition('#')[0]
            assert '://' in link or not file or (path.parent / file).is_file(), f'{path}: {link}'


def test_continuous_integration_builds_it():
    assert 'python docs/build.py' in (ROOT / '.ci/run').read_text(encoding='utf-8')
