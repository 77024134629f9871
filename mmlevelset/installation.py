"""Where this installation keeps what is no Python module: configs, tools, the index of models."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
# A wheel has no `configs` beside the package, but carries them where openmim looks for them.
CLONE = PACKAGE.parent if (PACKAGE.parent / 'model-index.yml').is_file() else None
HOME = CLONE or PACKAGE / '.mim'
CONFIGS, TOOLS = HOME / 'configs', HOME / 'tools'
