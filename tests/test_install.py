"""Constraints, Dockerfile and extras say the same versions of the same packages."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = {'onedl': 'constraints.txt', 'openmmlab': 'constraints-openmmlab.txt'}


def plain(name: str) -> str:
    """A name as package indices compare it."""
    return re.sub(r'[-_.]+', '-', name).lower()


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().splitlines()
    pairs = [line.partition('==') for line in lines if not line.startswith('#')]
    assert all(version for _, _, version in pairs), f'{file} pins something to nothing'
    return {plain(name): version for name, _, version in pairs}


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py gives to setuptools."""
    given: dict[str, Any] = {}
    monkeypatch.setattr('setuptools.setup', given.update)
    runpy.run_path(str(ROOT / 'setup.py'))
    return given


@pytest.mark.parametrize(('extra', 'file'), FILES.items())
def test_what_each_stack_is_tested_with_is_pinned(extra: str, file: str, metadata) -> None:
    pinned, extras = pins(file), metadata['extras_require']
    # What the page installs for a developer (tests, linters, exports and the site), and larger weights.
    installed = (extra, 'weights', 'more-weights', 'dev')
    names = [*metadata['install_requires'], *(name for key in installed for name in extras[key])]
    wanted = {plain(re.split(r'[<>=!\[ ]', name)[0]) for name in names}
    assert not wanted - set(pinned), f'{file} does not pin them'
    # Either stack alone: a constraint of the other would be of no use, or in the way.
    other = metadata['extras_require'][next(key for key in FILES if key != extra)]
    assert not {plain(name) for name in other if 'mm' in name and '<' not in name} & set(pinned)


def test_both_stacks_are_tried_with_one_torch_which_the_pages_install() -> None:
    (torch,) = {pins(file)['torch'] for file in FILES.values()}
    for path in ('README.md', 'docs/en/get_started.md', 'Dockerfile', '.ci/run'):
        assert set(re.findall(r'torch==([\d.]+\d)', (ROOT / path).read_text())) == {torch}, path


def test_no_test_of_published_weights_is_left_out_of_the_workflows() -> None:
    for path in ('.ci/run', '.github/workflows/test.yml'):
        extras = re.findall(r'-e "\.\[(.+?)\]"', (ROOT / path).read_text())
        installed = extras[::2]
        assert installed and all(',weights,dev' in found for found in installed), path
        assert extras[1::2] == ['more-weights'] * len(installed), path


def test_upstream_mmengine_finds_pkg_resources() -> None:
    assert int(pins(FILES['openmmlab'])['setuptools'].partition('.')[0]) < 81


def test_the_image_installs_what_the_page_installs() -> None:
    docker = (ROOT / 'Dockerfile').read_text()
    assert '-c /src/constraints.txt "/src[onedl,weights]"' in docker
    assert 'ENTRYPOINT ["mmlevelset"]' in docker
    ignored = (ROOT / '.dockerignore').read_text().split()
    assert {'.git', 'data', 'work_dirs'} <= set(ignored)


def test_the_console_command_is_installed(metadata) -> None:
    (script,) = metadata['entry_points']['console_scripts']
    assert script == 'mmlevelset = mmlevelset.commands:main'
