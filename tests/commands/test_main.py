"""The console command ``mmlevelset``: what it lists, how it refuses, and that tools are the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmlevelset import commands, stack

ROOT = Path(__file__).resolve().parents[2]
# Sub-command -> the tool of the same purpose.
TOOLS = {
    'train': 'train.py',
    'test': 'test.py',
    'refine': 'refine.py',
    'evaluate': 'eval_seeds.py',
    'labels': 'make_pseudo_labels.py',
    'pipeline': 'pipeline.py',
    'report': 'report.py',
    'check-data': 'dataset_converters/check.py',
}


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """Run the console command in this process; its exit status."""
    monkeypatch.setattr(sys, 'argv', ['mmlevelset', *words])
    try:
        commands.main()
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.mark.parametrize('words', [(), ('--help',), ('-h',)])
def test_without_a_command_it_lists_them_on_one_screen(words, monkeypatch, capsys) -> None:
    assert call(monkeypatch, *words) == 0
    text = capsys.readouterr().out.splitlines()
    assert len(text) < 24 and max(map(len, text)) <= 80
    listed = [line.split()[0] for line in text if line.startswith('  ')]
    assert listed == list(commands.COMMANDS)


@pytest.mark.parametrize(
    ('word', 'answer'),
    [
        ('trian', 'did you mean train?'),
        ('check_data', 'check-data'),
        ('xyz', 'expected train, test'),
    ],
)
def test_an_unknown_command_is_refused_with_what_is_near(word, answer, monkeypatch, capsys) -> None:
    assert call(monkeypatch, word) == 2
    text = capsys.readouterr().err
    assert text.startswith(f'mmlevelset: error: no command {word!r}') and answer in text


@pytest.mark.parametrize('name', commands.COMMANDS)
def test_help_ends_with_an_example(name, monkeypatch, capsys) -> None:
    assert call(monkeypatch, name, '--help') == 0
    text = capsys.readouterr().out
    assert text.startswith(f'usage: mmlevelset {name} ') and '--debug' in text
    title, example = text.splitlines()[-2:]
    assert title == 'example:' and example.startswith(f'  mmlevelset {name} ')


def test_an_error_names_the_sub_command(monkeypatch, capsys) -> None:
    assert call(monkeypatch, 'check-data', 'own', '/no/such/folder') == 1
    assert '/no/such/folder' in capsys.readouterr().out
    assert call(monkeypatch, 'labels', '/no/such/folder', 'out') == 2
    assert capsys.readouterr().err.startswith('mmlevelset labels: error: ')


@pytest.mark.parametrize('name', TOOLS)
def test_a_tool_is_a_door_to_the_same_code(name) -> None:
    text = (ROOT / 'tools' / TOOLS[name]).read_text()
    assert f'from {commands.COMMANDS[name][0]} import main\n' in text
    assert len(text.splitlines()) < 16


def test_listing_imports_no_library() -> None:
    code = (
        'import sys; sys.argv[1:] = []; import mmlevelset.commands as c; c.main(); '
        'heavy = {"torch", "numpy", "mmengine"} & set(sys.modules); assert not heavy, heavy'
    )
    subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True, capture_output=True)


def test_without_a_stack_a_command_says_how_to_install_one(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, 'mmlevelset.compat', None)
    assert call(monkeypatch, 'train', 'any.py') == 2
    assert capsys.readouterr().err.startswith('mmlevelset train: error: ')


def test_a_command_prints_nothing_but_its_own() -> None:
    """No lines of what it imports, on either stream."""
    command = [sys.executable, '-W', 'error::UserWarning', '-m', 'mmlevelset', 'labels', '--help']
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert result.stdout.startswith('usage: mmlevelset labels ') and result.stderr == ''


def test_only_the_lines_of_the_fork_are_dropped(monkeypatch, capsys) -> None:
    def say(name: str) -> None:
        print(f'Could not import OneDL\nnews of {name}')

    monkeypatch.setattr('mmlevelset.stack.importlib.import_module', say)
    stack.quieten_mmseg()
    out = capsys.readouterr().out.splitlines()
    assert out == ['news of mmseg.datasets', 'news of mmcv.cnn.bricks.transformer']
