"""Rules of the package that a reader can rely on: rooms, words and sizes (docs/en/architecture.md)."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'mmlevelset'
# From the ground up. A room imports from rooms before it, never from one behind it.
ROOMS = (
    '__init__',
    'installation',
    'stack',
    'kernels',
    'levelset',
    'parallel',
    'fileio',
    'compat',
    'registry',
    'config',
    'structures',
    'affinity',
    'datasets',
    'evaluation',
    'models',
    'refine',
    'visualization',
    'engine',
    'pipeline',
    'apis',
    'report',
    'commands',
    '__main__',
)
MAX_LINES = 350
FIRST_WORDS = 3  # of a docstring: "Fuse." says nothing that the name does not
# All that the mathematics may need, beside the standard library.
MATHEMATICS = {'torch', 'numpy', 'scipy', 'triton'}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob('*.py'))}
TREES = {name: ast.parse(path.read_text(encoding='utf-8')) for name, path in FILES.items()}


def room(module: str) -> str:
    return module.split('.')[1] if '.' in module else '__init__'


def imports(module: str) -> Iterator[str]:
    """Modules that a module imports, anywhere in its file, by their absolute names."""
    package = module if FILES[module].name == '__init__.py' else module.rpartition('.')[0]
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split('.')[: len(package.split('.')) - node.level + 1]
            base = '.'.join([*parents, node.module or ''] if node.level else [node.module or ''])
            base = base.rstrip('.')
            for alias in node.names:
                full = f'{base}.{alias.name}'
                yield full if full in FILES else base


def definitions(body: list[ast.stmt], prefix: str = '') -> Iterator[tuple[str, Definition]]:
    """Public functions, classes and methods, with their dotted names."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith('_'):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node.body, f'{prefix}{node.name}.')
        if isinstance(node, ast.FunctionDef) and node.name == '__init__':
            yield prefix + node.name, node


PUBLIC = [
    (module, name, node) for module, tree in TREES.items() for name, node in definitions(tree.body)
]


def test_the_reader_of_this_file_sees_the_package() -> None:
    assert len(FILES) > 80 and len(PUBLIC) > 300
    assert {room(name) for name in FILES} == set(ROOMS), 'list every room in ROOMS, in its place'


def test_no_import_runs_upwards() -> None:
    floor = {name: i for i, name in enumerate(ROOMS)}
    upward = [
        f'{module} imports {other}'
        for module in FILES
        for other in imports(module)
        if other.split('.')[0] == 'mmlevelset' and floor[room(other)] > floor[room(module)]
    ]
    assert not upward, '\n'.join(upward)


def test_no_import_runs_in_a_circle() -> None:
    # `from . import x` in a package's own __init__ is how it shows its modules.
    graph = {
        module: {other for other in imports(module) if other in FILES and other != module}
        for module in FILES
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            pytest.fail(' -> '.join((*path[path.index(module) :], module)))
        if module not in done:
            for other in graph[module]:
                walk(other, (*path, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_the_mathematics_stands_alone() -> None:
    allowed = MATHEMATICS | set(sys.stdlib_module_names)
    own = {f'mmlevelset.{name}' for name in ('levelset', 'kernels')}
    foreign = [
        f'{module} imports {other}'
        for module in FILES
        if room(module) in ('levelset', 'kernels')
        for other in imports(module)
        if other.split('.')[0] not in allowed and not other.startswith(tuple(own))
    ]
    assert not foreign, '\n'.join(foreign)


def test_no_file_is_longer_than_a_sitting() -> None:
    files = [*FILES.values()]
    for folder in ('tools', 'configs', 'tests'):
        files += (ROOT / folder).rglob('*.py')
    lines = {path: len(path.read_text(encoding='utf-8').splitlines()) for path in files}
    long = [f'{path.relative_to(ROOT)}: {n}' for path, n in lines.items() if n > MAX_LINES]
    assert not long, '\n'.join(long)


def test_every_docstring_says_what_the_thing_does() -> None:
    silent = []
    for module, name, node in PUBLIC:
        if name.endswith('__init__'):  # the class docstring describes its arguments
            continue
        first = (ast.get_docstring(node) or '').partition('\n')[0]
        if len(first.split()) < FIRST_WORDS:
            silent.append(f'{module}.{name}: {first!r}')
    silent += [
        f'{module}: {ast.get_docstring(tree)!r}'
        for module, tree in TREES.items()
        if len((ast.get_docstring(tree) or '').split()) < FIRST_WORDS
    ]
    assert not silent, '\n'.join(silent)


def test_everything_public_is_typed() -> None:
    untyped = []
    for module, name, node in PUBLIC:
        if isinstance(node, ast.ClassDef):
            continue
        args = node.args
        named = [*args.posonlyargs, *args.args]
        static = any(getattr(d, 'id', '') == 'staticmethod' for d in node.decorator_list)
        named = named[1:] if '.' in name and not static else named
        named += [*args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
        missing = [arg.arg for arg in named if arg.annotation is None]
        missing += ['the result'] if node.returns is None else []
        if missing:
            untyped.append(f'{module}.{name}: {", ".join(missing)}')
    assert not untyped, '\n'.join(untyped)
