"""``--cfg-options``: what a value on the command line becomes, and what it does to a config."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import DictAction

from mmlevelset.config import add_options, find_config, parse_value, read_config
from mmlevelset.installation import CONFIGS


def options(*pairs: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(['--cfg-options', *pairs]).cfg_options


@pytest.mark.parametrize(
    'text',
    ['3', '-2', '0.5', '1e-3', 'true', 'False', 'None', 'cat', '', '[]', '[1,2]', '[1, 2]', '1,2', 'cat,dog']
    + ['(1,2)', '[(1,2),[a,b],c]', '[(112, 112)]', 'a.b', 'https://a.b/c', 'nan', '[1,]']
    + ["'cat'"],
)  # fmt: skip
def test_values_without_blanks_are_those_of_mmengine(text: str) -> None:
    expected = DictAction._parse_iterable(text)
    assert repr(parse_value(text)) == repr(expected)


@pytest.mark.parametrize(
    'path',
    ['/data/a b', '/data/a,b', '/data/ a , b ', '/data/a(1),b', '/data/[x]/y,z', '[x]/[y]', '(a)/b,c']
    + ["/data/it's, 5", '/data/1,2', './1,2', '/data/a(1,b', 'a b', '/data/a=b,c', 'a (1)', '2024_01'],
)  # fmt: skip
def test_a_path_stays_as_it_was_typed(path: str) -> None:
    assert options(f'data_root={path}') == {'data_root': path}


def test_quotes_make_anything_a_text() -> None:
    given = ['a="x,y"', "b='[1,2]'", 'c="7"', 'd=["/p,q/r",/s]', 'e=["it\'s, 5",(1,"2")]']
    assert options(*given) == dict(
        a='x,y', b='[1,2]', c='7', d=['/p,q/r', '/s'], e=["it's, 5", (1, '2')]
    )


def test_a_list_of_pairs_stays_text() -> None:
    assert parse_value('[a.0.size=[2,3], b=(4,5),c=None]') == [
        'a.0.size=[2,3]',
        'b=(4,5)',
        'c=None',
    ]
    assert parse_value('[a=/x y,b="/p,q"]') == ['a=/x y', 'b="/p,q"']
    assert parse_value('[$ALL, a=(4,5)]') == ['$ALL', 'a=(4,5)']


@pytest.mark.parametrize('text', ['a.size=(112,112)', 'f(x,y)', 'a=[1,2]', "a='x,y'"])
def test_commas_in_brackets_of_a_text(text: str) -> None:
    assert parse_value(text) == text
    assert parse_value(f'{text},b') == [text, 'b']
    assert parse_value(f'[b,{text}]') == ['b', text]


@pytest.mark.parametrize('text', ['[1,2)', '(1,2]', '[1,2][3,4]', '(1,2)-(3,4)'])
def test_brackets_of_two_kinds_or_pairs(text: str) -> None:
    with pytest.raises(ValueError, match='do not match'):
        parse_value(text)


def test_brackets_and_blanks_beside_quotes() -> None:
    assert parse_value('["x)","y"]') == ['x)', 'y']
    assert parse_value('["a]",b]') == ['a]', 'b']
    assert parse_value(' "a,b" ') == 'a,b'


@pytest.mark.parametrize('pair', ['data_root', '=3', 'a=[1,(2]', 'a=[1],2)', 'a=["x,y]'])
def test_what_cannot_be_read_is_refused(pair: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        options(pair)
    assert pair in capsys.readouterr().err


def test_options_add_up(tmp_path: Path) -> None:
    config = tmp_path / 'a b,c' / 'config, 1.py'
    config.parent.mkdir()
    (config.parent / 'base 1.py').write_text('a = dict(b=1, c=[dict(d=2)])\n')
    config.write_text("_base_ = 'base 1.py'\nroot = 'x'\n")
    parser = argparse.ArgumentParser()
    add_options(parser)
    words = [
        '--cfg-options',
        'a.b=2',
        'root=/p q',
        '--cfg-options',
        'a.c.0.d=3',
        'new.x=1',
        'new.y=2',
    ]
    cfg = read_config(str(config), parser.parse_args(words).cfg_options)
    assert cfg.to_dict() == dict(a=dict(b=2, c=[dict(d=3)]), root='/p q', new=dict(x=1, y=2))


@pytest.mark.parametrize('key', ['a.c.5.d', 'a.b.x', 'a.c.x'])
def test_an_option_that_does_not_fit_names_itself(tmp_path: Path, key: str) -> None:
    config = tmp_path / 'config.py'
    config.write_text('a = dict(b=1, c=[dict(d=2)])\n')
    with pytest.raises(ValueError, match=f'the option {key}=1 does not fit .*config.py'):
        read_config(str(config), {key: 1})


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('modle.type', "no entry 'modle', but 'model'"),
        ('train_dataloder.batch_size', "no entry 'train_dataloder', but 'train_dataloader'"),
    ],
)
def test_a_mistyped_entry(name: str, message: str) -> None:
    """mmengine would add the entry, and nothing would read it."""
    path = 'configs/seed/cam/resnet50_voc12.py'
    with pytest.raises(ValueError, match=message):
        read_config(path, {name: 1})
    assert read_config(path, {'load_from': 'a.pth', 'auto_scale_lr.enable': True}).load_from


def test_an_entry_that_nothing_reads(capsys) -> None:
    read_config('configs/seed/cam/resnet50_voc12.py', {'zzz': 1})
    assert 'the option zzz adds an entry that nothing in' in capsys.readouterr().out


def test_names_near_to_a_missing_config() -> None:
    with pytest.raises(FileNotFoundError, match='near to it: configs/seed/cam/resnet50_voc12.py'):
        read_config('configs/seed/cam/resnet5_voc12.py')


@pytest.mark.parametrize('text', ['a = (', 'a = b', "_base_ = 'none.py'"])
def test_a_broken_config(tmp_path: Path, text: str) -> None:
    (tmp_path / 'broken.py').write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match='broken.py is no config|none.py'):
        read_config(str(tmp_path / 'broken.py'))


def test_a_config_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder; a file of the user's own comes first, and a name of several is refused."""
    monkeypatch.chdir(tmp_path)
    file = CONFIGS / 'seed/cam/resnet50_voc12.py'
    for name in (
        'cam/resnet50_voc12',
        'cam/resnet50_voc12.py',
        'seed/cam/resnet50_voc12.py',
        'configs/seed/cam/resnet50_voc12.py',
        'mmlevelset::seed/cam/resnet50_voc12.py',
    ):
        assert find_config(name) == file, name
    alone = CONFIGS / 'seed/cam/efficientnet-lite0_shapes_host.py'
    assert find_config(alone.stem) == find_config(alone.name) == alone
    with pytest.raises(
        ValueError, match='configs are called .resnet38_voc12.: .*seed/cam/resnet38'
    ):
        find_config('resnet38_voc12')
    assert find_config('seam/resnet38_voc12').parent.name == 'seam'
    with pytest.raises(FileNotFoundError, match='near to it: configs/seed/cam/resnet50_voc12.py'):
        find_config('seed/cam/resnet50_voc21')
    with pytest.raises(FileNotFoundError) as caught:  # a word of many, near to none
        find_config('shapes')
    text = str(caught.value)
    assert "no config at 'shapes'; its words are in: configs/" in text
    assert text.count('shapes.py') + text.count('shapes_') >= 4 and len(text) < 900
    with pytest.raises(
        FileNotFoundError, match=r'in: configs/.*configs/seed/seam/\S*levelset\S*\.py'
    ) as caught:
        find_config('SEAM/levelset')
    for config in re.findall(r'configs/\S+\.py', str(caught.value)):
        assert (CONFIGS.parent / config).is_file()
    with pytest.raises(
        FileNotFoundError, match=r'no config at .walrus.; list them with: ls \S+configs'
    ):
        find_config('walrus')
    Path('mine').mkdir()
    Path('mine/host.py').touch()
    with pytest.raises(
        FileNotFoundError, match=r"no config at 'mine/hots.py'; near to it: mine/host.py$"
    ):
        find_config('mine/hots.py')
    Path('resnet50_voc12.py').write_text('model = dict()')
    assert find_config('resnet50_voc12.py') == Path('resnet50_voc12.py')
    assert read_config('mmlevelset::cam/resnet50_voc12').filename == str(file)


def test_a_config_of_the_user_inherits_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any folder, with or without ``.py``; nothing but what it says is different."""
    monkeypatch.chdir(tmp_path)
    name = 'seed/cam/efficientnet-lite0_levelset_voc20'
    ours = read_config(f'configs/{name}.py').to_dict()
    for base in (f'mmlevelset::{name}.py', f'mmlevelset::{name}'):
        Path('mine.py').write_text(f'_base_ = {base!r}\nmodel = dict(test_cfg=dict(mode="slide"))')
        mine = read_config('mine.py').to_dict()
        assert mine['model']['test_cfg'].pop('mode') == 'slide'
        ours['model']['test_cfg'].pop('mode', None)
        assert mine == ours
    data = 'mmlevelset::_base_/datasets/voc20.py'
    Path('mine.py').write_text(f'_base_ = [{data!r}]')
    assert read_config('mine.py').train_dataloader.dataset.data_root == 'data/voc20'


def test_a_base_that_is_not_there_names_the_file_and_what_is_near(tmp_path: Path) -> None:
    (tmp_path / 'mine.py').write_text("_base_ = 'mmlevelset::seed/cam/resnet50_voc21.py'")
    with pytest.raises(
        FileNotFoundError, match='mine.py inherits: no config .*cam/resnet50_voc12.py'
    ):
        read_config(str(tmp_path / 'mine.py'))
