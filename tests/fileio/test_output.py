"""Folders belong to one run, and say whether it finished."""

import sys
import warnings
from pathlib import Path

import pytest
import torch

from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.conventions import mask_conventions
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.output import finished_ids, fresh_folder, resumed_folder
from mmlevelset.models.backbones.frozen_cache import FrozenCache

META = dict(kind='labels', threshold=0.3)
IDS = ['a', 'b', 'c']


def fill(folder: Path, ids: list[str], only: int = 99, **settings: float) -> list[str]:
    """Write one file per image that has none; ``only`` some of them, as a killed run would."""
    meta = {**META, **settings}
    with resumed_folder(folder, '.png', ids, meta, ['threshold']) as left:
        for name in left[:only]:
            (folder / f'{name}.png').write_text(str(meta['threshold']))
        if only < len(left):
            raise KeyboardInterrupt
    return left


def test_what_is_expected_is_said_before_the_first_file(tmp_path: Path) -> None:
    with resumed_folder(tmp_path, '.png', IDS, META, ['threshold']) as left:
        meta = read_meta(tmp_path)
        assert left == IDS and meta['complete'] is False
        assert meta['images'] == 3 and meta['threshold'] == 0.3
        for name in left:
            (tmp_path / f'{name}.png').touch()
    assert read_meta(tmp_path)['complete'] is True
    with warnings.catch_warnings(action='error'):
        assert finished_ids(tmp_path, '.png') == IDS


def test_an_unfinished_folder_is_refused_and_resumed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, IDS, only=1)
    for reader in (lambda: finished_ids(tmp_path, '.png'), lambda: mask_conventions(tmp_path)):
        with pytest.raises(ValueError, match=f'{tmp_path} is unfinished: .* command again'):
            reader()
    assert fill(tmp_path, IDS) == ['b', 'c']
    assert finished_ids(tmp_path, '.png', ['b']) == ['b']


def test_two_runs_of_other_settings_do_not_mix(tmp_path: Path) -> None:
    with resumed_folder(tmp_path, '.png', IDS, META, ['threshold']):  # at the same time
        with pytest.raises(ValueError, match=f'another run .* into {tmp_path}'):
            fill(tmp_path, IDS, threshold=0.4)
        (tmp_path / 'a.png').touch()
    with pytest.raises(ValueError, match='other settings .threshold: 0.3 -> 0.4.*another folder'):
        fill(tmp_path, IDS, threshold=0.4)  # one after the other
    assert read_meta(tmp_path)['threshold'] == 0.3


def test_files_that_no_meta_explains_are_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / 'a.png').touch()
    with pytest.raises(ValueError, match=r'no meta\.json that says how'):
        fill(tmp_path, IDS)
    with pytest.raises(ValueError, match='did not make'), fresh_folder(tmp_path, '.png', META):
        pass
    assert (tmp_path / 'a.png').exists()


def test_files_of_another_list_are_not_replaced(tmp_path: Path, capsys) -> None:
    """Those of the same list are, with a word: other weights made them, say."""
    for count in (2, 1):
        with fresh_folder(tmp_path, '.png', dict(META, split='train')):
            for name in IDS[:count]:
                (tmp_path / f'{name}.png').touch()
    assert '2 .png files of an earlier run are replaced' in capsys.readouterr().out
    with (
        pytest.raises(ValueError, match="1 .png files of the list 'train', which those of 'val'"),
        fresh_folder(tmp_path, '.png', dict(META, split='val')),
    ):
        pass
    assert finished_ids(tmp_path, '.png') == IDS[:1]


def test_a_longer_list_adds_to_a_folder(tmp_path: Path) -> None:
    fill(tmp_path, ['a'])
    assert fill(tmp_path, ['c', 'b']) == ['c', 'b']
    assert read_meta(tmp_path)['images'] == 3 and finished_ids(tmp_path, '.png') == IDS


@pytest.mark.parametrize('change', ['added', 'removed'])
def test_files_added_or_removed_by_hand_are_noticed(tmp_path: Path, change: str) -> None:
    fill(tmp_path, IDS)
    (tmp_path / 'd.png').touch() if change == 'added' else (tmp_path / 'b.png').unlink()
    found = 4 if change == 'added' else 2
    with pytest.raises(ValueError, match=f'holds {found} .png files, its meta.json says 3'):
        finished_ids(tmp_path, '.png')


def test_a_folder_does_not_become_the_output_of_what_reads_it(tmp_path: Path) -> None:
    write_meta(tmp_path, kind='seeds', weights_hash='one')
    with pytest.raises(ValueError, match=r"holds kind 'seeds' by its meta.json, not 'labels'"):
        fill(tmp_path, IDS)
    assert read_meta(tmp_path)['weights_hash'] == 'one'


def test_a_folder_made_anew_keeps_nothing_of_the_old_run(tmp_path: Path) -> None:
    fill(tmp_path, IDS)
    (tmp_path / '.b.png.0badcafe.tmp').touch()
    with (
        pytest.raises(KeyboardInterrupt),
        fresh_folder(tmp_path, '.png', dict(META, threshold=0.4)),
    ):
        assert [path.name for path in tmp_path.iterdir() if path.name[0] != 'm'] == ['.lock']
        (tmp_path / 'a.png').touch()
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match='unfinished'):
        finished_ids(tmp_path, '.png')
    with fresh_folder(tmp_path, '.png', dict(META, threshold=0.5)) as meta:
        (tmp_path / 'b.png').touch()
        meta['scales'] = 3
    after = read_meta(tmp_path)
    assert (after['threshold'], after['images'], after['scales']) == (0.5, 1, 3)
    assert finished_ids(tmp_path, '.png') == ['b']


def test_folders_of_earlier_versions_and_by_hand(tmp_path: Path) -> None:
    """They have no mark: what can be checked is, and what cannot is said."""
    for name in IDS:
        (tmp_path / f'{name}.png').touch()
    with pytest.warns(UserWarning, match='no meta.json: nothing says whether its 3 .png files'):
        assert finished_ids(tmp_path, '.png') == IDS
    for images in (None, 3, 2):  # 2: a list was done, and then a shorter one
        write_meta(tmp_path, kind='labels', **({} if images is None else {'images': images}))
        assert finished_ids(tmp_path, '.png') == IDS
    write_meta(tmp_path, kind='labels', images=16)
    with pytest.raises(ValueError, match='holds 3 .png files, its meta.json says 16'):
        finished_ids(tmp_path, '.png')


def test_an_empty_list(tmp_path: Path) -> None:
    fill(tmp_path, IDS)
    with pytest.raises(ValueError, match='empty list of images'):
        finished_ids(tmp_path, '.png', [])


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is of Linux')
@pytest.mark.parametrize('where', ['/proc/x', 'file/x', 'file'])
def test_folders_that_cannot_be_made(where: str, tmp_path: Path, monkeypatch) -> None:
    """By every writer: named, with what to do."""
    monkeypatch.chdir(tmp_path)
    Path('file').write_text('')
    compute = torch.nn.Identity()
    for write in (
        lambda: write_json(f'{where}/a.json', {}),
        lambda: fill(Path(where), IDS),
        lambda: FrozenCache(where, 'tag')(
            torch.zeros(1, 3, 2, 2), lambda images: [compute(images)]
        ),
    ):
        with pytest.raises(ValueError, match=f'{where}.*: .*(give another folder)') as caught:
            write()
    assert str(caught.value).startswith(f'frozen_cache: {where}/')
