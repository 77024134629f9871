"""The mm* stack: it must be installed, one of its packages is noisy and one incomplete. Imported before it."""

import importlib.util
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, distribution
from io import StringIO
from types import ModuleType
from typing import NoReturn

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


class AbsentOperations(ModuleType):
    """In the place of mmcv's compiled operations: has each, and says when it is called what is missing."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith('__'):
            raise AttributeError(name)

        def absent(*args: object, **kwargs: object) -> NoReturn:
            raise ImportError(
                f'{name} is a compiled operation, which mmcv-lite lacks; no model of mmlevelset needs '
                'one. For a model that does, install mmcv in the place of mmcv-lite.'
            )

        return absent


def allow_mmcv_lite() -> None:
    """Let mmsegmentation 1.2.2 be imported beside mmcv-lite.

    Its ``mmseg/utils/mask_classification.py`` imports ``mmcv.ops``, whose Python files mmcv-lite has,
    without the compiled ``mmcv._ext`` that they load.

    Remove when: mmsegmentation imports operations where they are used.
    """
    try:
        distribution('mmcv-lite')
    except PackageNotFoundError:
        return
    if importlib.util.find_spec('mmcv._ext') is not None:
        return
    sys.modules['mmcv._ext'] = AbsentOperations('mmcv._ext')
    try:
        importlib.import_module('mmcv.ops')
    finally:  # mmengine looks for it to learn whether there are operations
        del sys.modules['mmcv._ext']


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
allow_mmcv_lite()
quieten_mmseg()
# Said whenever a loss is built, also by heads of ours whose loss is another, and of no use: the recipes are
# mmsegmentation's, which divides by all pixels.
warnings.filterwarnings('ignore', 'Default ``avg_non_ignore`` is False')
