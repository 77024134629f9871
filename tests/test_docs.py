"""What the pages say exists: links, paths, command lines and configs; and lines that fit a screen."""

import argparse
import importlib
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from mmlevelset import commands as console
from mmlevelset.config import read_config

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *ROOT.glob('*.md'),
        *(ROOT / 'docs').rglob('*.md'),
        *(ROOT / 'configs').rglob('*.md'),
        *(ROOT / '.github').rglob('*.md'),
    ]
)
COLUMNS = 120
ROOTS = (
    'configs/',
    'tools/',
    'demo/',
    'examples/',
    'docs/',
    'tests/',
    'mmlevelset/',
    '.ci/',
    '.github/',
)
# Below the package: the pages speak of `levelset/cam.py`.
ROOMS = tuple(
    f'{path.name}/'
    for path in (ROOT / 'mmlevelset').iterdir()
    if path.is_dir() and not path.name.startswith('_')
)
LINK = re.compile(r'\]\(([^)\s]+)\)')
PATH = re.compile(r'[\w.{},*/<>-]+')
FENCE = re.compile(r'^```(\w*)\n(.*?)^```', re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """One documented command line."""

    page: str
    tool: str
    words: list[str]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def each_page() -> pytest.MarkDecorator:
    return pytest.mark.parametrize('page', PAGES, ids=name)


def braces(text: str) -> list[str]:
    """Both files of ``seed/{cam,seam}.py``."""
    group = re.search(r'\{([^{}]*,[^{}]*)\}', text)
    if group is None:
        return [text]
    before, after = text[: group.start()], text[group.end() :]
    return [path for part in group[1].split(',') for path in braces(before + part + after)]


def anchors(page: Path) -> set[str]:
    """Names that GitHub gives to the headings of a page."""
    text = FENCE.sub('', page.read_text(encoding='utf-8'))
    titles = re.findall(r'^#+ (.+)$', text, re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}


def written_by_the_reader() -> set[str]:
    """Files that a code block shows under their name in its first line."""
    texts = [page.read_text(encoding='utf-8') for page in PAGES]
    return {
        path for text in texts for path in re.findall(r'^# (configs/\S+\.py)$', text, re.MULTILINE)
    }


OF_THE_READER = written_by_the_reader()


def shell(page: Path) -> Iterator[str]:
    """Lines of the page's shell blocks: continued ones joined, short names of folders filled in."""
    for language, block in FENCE.findall(page.read_text(encoding='utf-8')):
        if language != 'bash':
            continue
        names: dict[str, str] = {}
        for line in re.sub(r'\\\n\s*', ' ', block).splitlines():
            line = line.split('  #')[0].strip()
            # `x=$(cat last_checkpoint)` is one word for whoever parses the line
            line = re.sub(r'\$\([^()]*\)', 'COMMAND', line)
            line = re.sub(r'\$\{?(\w+)\}?', lambda m, names=names: names.get(m[1], m[0]), line)
            names |= dict(re.findall(r'(?:^|\s)([A-Za-z_]+)=(\S+)', line))
            yield line


def commands() -> list[Command]:
    """Calls of our tools, without their environment variables, redirections and pipes."""
    found = []
    for page in PAGES:
        for line in shell(page):
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            lexer.commenters = '#'
            words = [*lexer, ';']
            while words:
                end = next(i for i, word in enumerate(words) if set(word) <= set(';&|<>()'))
                part, words = words[:end], words[end + 1 :]
                part = part[part.index('python') + 1 :] if 'python' in part else part
                if part[:1] == ['-m'] and part[1].startswith('tools.'):
                    part = [f'{part[1].replace(".", "/")}/', *part[2:]]
                if (
                    part
                    and part[0].startswith(('tools/', 'demo/'))
                    and part[0].endswith(('.py', '/'))
                ):
                    found.append(Command(name(page), part[0], part[1:]))
                elif part[:1] == ['mmlevelset'] and len(part) > 1:
                    found.append(Command(name(page), f'mmlevelset {part[1]}', part[2:]))
    return found


COMMANDS = commands()


@each_page()
def test_lines_fit_a_screen(page: Path) -> None:
    lines = enumerate(page.read_text(encoding='utf-8').splitlines(), 1)
    wide = [f'{name(page)}:{i}: {len(line)} columns' for i, line in lines if len(line) > COLUMNS]
    assert not wide, '\n'.join(wide)


@each_page()
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(page.read_text(encoding='utf-8')):
        if '://' in link or link.startswith('mailto:'):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead, f'{name(page)}: {", ".join(dead)}'


@each_page()
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding='utf-8')
    for line in shell(page):
        text += f'\n{line}'
    missing = set()
    for word in PATH.findall(text):
        word = word.rstrip('.,/')
        if not word.startswith((*ROOTS, *ROOMS)) or '<' in word or word in OF_THE_READER:
            continue
        base = ROOT if word.startswith(ROOTS) else ROOT / 'mmlevelset'
        for path in braces(word):
            if not any(base.glob(path)) and not any((page.parent).glob(path)):
                missing.add(path)
    assert not missing, f'{name(page)}: {", ".join(sorted(missing))}'


@each_page()
def test_python_blocks_are_python(page: Path) -> None:
    for language, block in FENCE.findall(page.read_text(encoding='utf-8')):
        if language == 'python':
            compile(block, name(page), 'exec')


class Parser(BaseException):
    """Carries the parser of a tool out of its main function."""


@pytest.fixture(scope='module')
def parsers() -> dict[str, argparse.ArgumentParser]:
    """The argument parser of every documented tool."""
    found = {}

    def give(self: argparse.ArgumentParser, *_: object, **__: object) -> None:
        raise Parser(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('argparse.ArgumentParser.parse_args', give)
        patch.syspath_prepend(str(ROOT))
        for tool in sorted({command.tool for command in COMMANDS}):
            patch.syspath_prepend(str((ROOT / tool).parent))  # as of a script
            with pytest.raises(Parser) as caught:
                if tool.startswith('mmlevelset '):
                    module, _ = console.COMMANDS[tool.partition(' ')[2]]
                    importlib.import_module(module).main()
                # A folder runs its `__main__`, as `python -m` does.
                if tool.endswith('/'):
                    runpy.run_module(tool.strip('/').replace('/', '.'), run_name='__main__')
                runpy.run_path(str(ROOT / tool), run_name='__main__')
            found[tool] = caught.value.args[0]
    return found


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 50
    assert {'tools/train.py', 'tools/test.py', 'tools/pipeline.py'} <= {c.tool for c in COMMANDS}


def test_commands_are_understood(
    parsers: dict[str, argparse.ArgumentParser], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    for page, tool, words in COMMANDS:
        # Elisions, and numbers that stand for themselves.
        words = [word for word in words if word not in ('…', '[…]', '>')]
        try:
            parsers[tool].parse_args(words)
        except SystemExit:
            reason = capsys.readouterr().err.strip().splitlines()[-1]
            wrong.append(f'{page}: {tool} {" ".join(words)}\n    {reason}')
    assert not wrong, '\n'.join(wrong)


def has_key(node: object, key: str) -> bool:
    """Whether a config takes the option: the key exists, or is one more argument of a `type`."""
    *path, last = key.split('.')
    for part in path:
        if isinstance(node, (list, tuple)) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            return False
    if isinstance(node, (list, tuple)):
        return last.isdigit() and int(last) < len(node)
    return isinstance(node, dict) and (last in node or 'type' in node)


def test_options_change_what_the_config_has() -> None:
    wrong, seen = [], 0
    for page, tool, words in COMMANDS:
        config = next((ROOT / w for w in words if re.fullmatch(r'configs/[\w./-]+\.py', w)), None)
        if config is None or not config.is_file() or '--cfg-options' not in words:
            continue
        cfg = read_config(config)
        for word in words[words.index('--cfg-options') + 1 :]:
            key, equals, _ = word.partition('=')
            if not equals or word.startswith('-'):
                break
            seen += 1
            if not has_key(cfg._cfg_dict, key):
                wrong.append(f'{page}: {tool} {config.name} has no {key}')
    assert seen > 10
    assert not wrong, '\n'.join(wrong)


def test_workflows_run_what_the_pages_say() -> None:
    workflow = yaml.safe_load((ROOT / '.github/workflows/test.yml').read_text(encoding='utf-8'))
    jobs = workflow['jobs']
    steps = {
        name: ' && '.join(step['run'] for step in job['steps'] if 'run' in step)
        for name, job in jobs.items()
    }
    assert 'bash .ci/run' in steps['ci']
    for name, extra in (('python', 'onedl'), ('upstream', 'openmmlab')):
        assert jobs[name]['strategy']['matrix']['python'] == ['3.10', '3.11', '3.12', '3.13']
        assert f'[{extra},weights,dev]' in steps[name] and 'pytest' in steps[name]
    extras = (ROOT / 'setup.py').read_text(encoding='utf-8')
    assert all(f"'{extra}':" in extras for extra in ('onedl', 'openmmlab', 'weights', 'dev'))


@pytest.mark.parametrize('path', sorted((ROOT / '.github').rglob('*.yml')), ids=lambda p: p.stem)
def test_templates_can_be_read(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding='utf-8'))
    fields = content.get('body', [])
    assert all(field['attributes']['label'] for field in fields)
    assert len({field['id'] for field in fields}) == len(fields)


def test_first_run_is_the_one_of_continuous_integration() -> None:
    """The README's installation is what `.ci/run` installs, and its test command is what it runs."""
    readme = '\n'.join(shell(ROOT / 'README.md'))
    ci = (ROOT / '.ci/run').read_text(encoding='utf-8').replace(' --quiet', '')
    install = re.findall(r'pip install [^&|\n]+', readme)[:2]
    assert len(install) == 2
    assert all(command.strip() in ci for command in install)
    assert 'python -m pytest -q -n 2 tests' in readme and 'python -m pytest -q -n 2 tests' in ci


def test_numbers_of_the_readme_are_those_of_the_results() -> None:
    measured = re.compile(r'(\d+\.\d+) ± (\d+\.\d+)')
    page = (ROOT / 'docs/en/results.md').read_text(encoding='utf-8')
    full = [tuple(map(float, pair)) for pair in measured.findall(page)]
    short = [tuple(map(float, pair)) for pair in measured.findall((ROOT / 'README.md').read_text())]
    assert len(short) > 20
    half = 0.0501  # of the last digit of the README
    strange = [
        pair
        for pair in short
        if not any(
            all(abs(a - b) <= half for a, b in zip(pair, cell, strict=True)) for cell in full
        )
    ]
    assert not strange
