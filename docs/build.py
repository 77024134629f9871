"""Build the documentation site: ``python docs/build.py``.

The pages stay where they are in the repository and link to one another there: docs/en, the README,
CONTRIBUTING, the changelog and the READMEs of configs. Here they are put together with a page per room of
the package. A link to a file that has a page leads to the page; one to another file, which the site does
not have, becomes its name. Any warning is an error.
"""

import importlib
import os.path
import re
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / 'docs/en'
# A link, whose words may hold code; before and after it, code, in which a link is no link.
LINK = re.compile(
    r'^```.*?^```|(!?)\[((?:`[^`\n]+`|[^\]`])*)\]\(([^)\s]+)\)|`[^`\n]+`', re.MULTILINE | re.DOTALL
)
# Headings of the menu -> pages.
MENU = {
    'Start': ('get_started', 'your_data', 'your_model', 'faq', 'mistakes'),
    'Guides': (
        'configs', 'weights_and_logs', 'recipes/pipeline', 'report', 'inference', 'level_set_loss', 'seeds',
        'refine', 'datasets',
    ),
    'The method': ('level_set_head', 'hosts', 'iteration', 'paper_decisions', 'glossary'),
    'Recipes': (
        *(f'recipes/seed/{h}' for h in ('cam', 'seam', 'muscle', 'mctformer', 'mctformer_plus', 'weaktr', 'ablation')),
        'recipes/refine', 'recipes/retrain', 'recipes/plugin',
    ),
    'Numbers': ('results', 'benchmarks'),
    'Project': ('architecture', 'contributing', 'changelog'),
}  # fmt: skip
ROOMS = (
    'levelset', 'models', 'datasets', 'refine', 'evaluation', 'engine', 'fileio', 'structures', 'visualization',
    'pipeline', 'report', 'apis',
)  # fmt: skip


def sources() -> dict[str, str]:
    """Page of the site -> file of the repository, of everything that is written by people."""
    found = dict(index='README.md', contributing='CONTRIBUTING.md', changelog='CHANGELOG.md')
    for path in PAGES.rglob('*.md'):
        found[path.relative_to(PAGES).with_suffix('').as_posix()] = path.relative_to(
            ROOT
        ).as_posix()
    for path in (ROOT / 'configs').rglob('README.md'):
        folder = path.parent.relative_to(ROOT / 'configs').as_posix()
        found[f'recipes/{folder}'] = path.relative_to(ROOT).as_posix()
    return found


def linked(text: str, source: str, page: str, pages: dict[str, str]) -> str:
    """Turn the links of a file of the repository into links of the site.

    Args:
        text (str): Markdown.
        source (str): Path of the file in the repository.
        page (str): Its name on the site.
        pages (dict): File of the repository -> name on the site.
    """

    def link(match: re.Match) -> str:
        mark, words, target = match.groups()
        path, _, anchor = (target or '').partition('#')
        if not path or '://' in path:
            return match[0]
        file = os.path.normpath(os.path.join(os.path.dirname(source), path))
        name = pages.get(file) or pages.get(f'{file}/README.md')
        if name is None and not mark:
            return words
        there = f'{name}.md' if name else file.removeprefix('docs/en/')
        there = os.path.relpath(there, os.path.dirname(page) or '.')
        return f'{mark}[{words}]({there}{"#" if anchor else ""}{anchor})'

    return LINK.sub(link, text)


def menu() -> str:
    """The menu of the front page, hidden there and shown at the side of every page."""
    named = {name for names in MENU.values() for name in names}
    others = sorted(set(sources()) - named - {'index'})
    lists = {**MENU, 'More': others, 'API': [f'api/{room}' for room in ROOMS]}
    blocks = []
    for heading, names in lists.items():
        if not names:
            continue
        lines = ['```{toctree}', ':hidden:', f':caption: {heading}', '', *names, '```']
        blocks.append('\n'.join(lines))
    return '\n\n'.join(blocks)


def collect(folder: Path) -> None:
    """Write all pages and pictures into a folder, as Sphinx wants them."""
    shutil.copytree(PAGES / 'img', folder / 'img')
    found = sources()
    pages = {file: name for name, file in found.items()}
    for name, file in found.items():
        text = linked((ROOT / file).read_text(encoding='utf-8'), file, name, pages)
        path = folder / f'{name}.md'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{text}\n\n{menu()}\n' if name == 'index' else text, encoding='utf-8')
    (folder / 'api').mkdir()
    shown: set[str] = set()
    for room in ROOMS:
        title = f'mmlevelset.{room}'
        offered = set(importlib.import_module(title).__all__)
        text = f'{title}\n{"=" * len(title)}\n\n.. automodule:: {title}\n'
        again = ', '.join(sorted(offered & shown))  # of an earlier room, and described there
        text += f'   :exclude-members: {again}\n' if again else ''
        shown |= offered
        (folder / f'api/{room}.rst').write_text(text, encoding='utf-8')


def main(target: Path) -> int:
    """Build the site into a folder; returns 0 where nothing was wrong."""
    source = target / 'source'
    shutil.rmtree(target, ignore_errors=True)
    collect(source)
    options = ['-q', '-W', '--keep-going', '-c', str(ROOT / 'docs')]
    return build_main([*options, str(source), str(target / 'html')])


if __name__ == '__main__':
    sys.exit(main(ROOT / 'work_dirs/site'))
