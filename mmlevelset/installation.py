"""Where this installation keeps what is no Python module: configs, tools, the index of models."""

import re
from difflib import get_close_matches
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
# A wheel has no `configs` beside the package, but carries them where openmim looks for them.
CLONE = PACKAGE.parent if (PACKAGE.parent / 'model-index.yml').is_file() else None
HOME = CLONE or PACKAGE / '.mim'
CONFIGS, TOOLS = HOME / 'configs', HOME / 'tools'
SHOWN = 8  # configs that hold the words of a name that none has


def find_config(name: str | Path) -> Path:
    """Find a config by its path or its name.

    Args:
        name: A file; or one of the project's configs: its path below ``configs``, with or without
            ``configs/`` or ``mmlevelset::`` before it, or the name of the file alone, where no other
            has it. ``.py`` may be left out.

    Returns:
        Path: the file.

    Raises:
        FileNotFoundError: There is none; names similar ones, or those that hold its words.
        ValueError: Several configs have this name.
    """
    if Path(name).is_file():
        return Path(name)
    short = (
        str(name).removeprefix('mmlevelset::').removeprefix('configs/').removesuffix('.py') + '.py'
    )
    if (CONFIGS / short).is_file():
        return CONFIGS / short
    known = {
        file.relative_to(CONFIGS).as_posix(): file for file in sorted(CONFIGS.glob('[!_]*/**/*.py'))
    }
    found = [file for file in known if file.endswith(f'/{short}')]
    if len(found) > 1:
        raise ValueError(
            f'{len(found)} configs are called {str(name)!r}: {", ".join(found)}; give one of these'
        )
    if found:
        return known[found[0]]
    beside = [file.as_posix() for file in Path(name).parent.glob('*.py')]  # of the user's own
    own = get_close_matches(Path(name).as_posix(), beside, n=3, cutoff=0.8)
    near = [*own, *(f'configs/{file}' for file in get_close_matches(short, known, n=3, cutoff=0.7))]
    words = re.findall('[a-z0-9]+', short.removesuffix('.py').lower())
    holding = [file for file in known if words and all(word in file.lower() for word in words)]
    listed = f'list them with: ls {CONFIGS}/*/*'
    if near:
        also = f'near to it: {", ".join(dict.fromkeys(near))}'
    elif holding:
        more = f' and {len(holding) - SHOWN} more; {listed}' if len(holding) > SHOWN else ''
        also = f'its words are in: {", ".join(f"configs/{file}" for file in holding[:SHOWN])}{more}'
    else:
        also = listed
    raise FileNotFoundError(f'no config at {str(name)!r}; {also}')
