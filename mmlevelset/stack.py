"""The mm* stack: it must be installed, and one of its packages is noisy. Imported before it."""

import importlib.util
import warnings
from contextlib import redirect_stdout
from io import StringIO

INSTALL = """mmlevelset needs {missing}, missing here. In a clone of the repository install a stack:
  pip install -e ".[onedl]"      onedl-mmengine, onedl-mmcv, onedl-mmsegmentation (maintained forks)
  pip install -e ".[openmmlab]"  mmengine, mmcv, mmsegmentation (upstream)
Without a clone, install these packages themselves, or the wheel with the extra: "FILE.whl[onedl]".
mmlevelset.levelset works with torch alone."""


def require_openmmlab() -> None:
    """Fail early where the mm* stack is missing.

    Raises:
        ImportError: naming what is missing and both ways to install it.
    """
    missing = [name for name in ('mmengine', 'mmcv', 'mmseg') if not importlib.util.find_spec(name)]
    if missing:
        raise ImportError(INSTALL.format(missing=', '.join(missing)))


def quieten_mmseg() -> None:
    """Import mmseg without its lines on a package that nothing here needs.

    The fork prints "Could not import OneDL" twice, and a build of mmcv without operators warns of
    an attention that no model here has. Whatever else an import says is passed on.

    Remove when: the fork passes a logger to ``print_log`` in ``mmseg/datasets``.
    """
    with redirect_stdout(StringIO()) as said, warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
        importlib.import_module('mmseg.datasets')
        importlib.import_module('mmcv.cnn.bricks.transformer')
    print(said.getvalue().replace('Could not import OneDL\n', ''), end='')


require_openmmlab()
quieten_mmseg()
# Said whenever a loss is built, also by heads of ours whose loss is another, and of no use: the recipes are
# mmsegmentation's, which divides by all pixels.
warnings.filterwarnings('ignore', 'Default ``avg_non_ignore`` is False')
