"""Versions that a result depends on."""

import platform
from importlib.metadata import PackageNotFoundError, version

from mmlevelset import __version__


def versions() -> dict[str, str]:
    """Versions of what a result depends on, under the names of the distributions."""
    found = {'python': platform.python_version(), 'mmlevelset': __version__}
    stack = ('torch', 'numpy', 'mmengine', 'mmcv', 'mmsegmentation')
    for name in (*stack, *(f'onedl-{name}' for name in stack[2:])):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
