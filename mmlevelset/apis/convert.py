"""Official checkpoints of the hosts, under our parameter names."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor

from mmlevelset.structures import atomic_path

from .runner import read_config

# Our name of a published tensor; None leaves it out (an alias, or nothing that the network uses).
Rename = Callable[[str], str | None]


def convert_state_dict(
    source: Mapping[str, Tensor], rename: Rename, expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename the tensors of a checkpoint and check them against a model.

    Args:
        source: The published tensors.
        rename: From a published name to ours.
        expected: The model's ``state_dict()``.

    Returns:
        dict: exactly the keys and shapes of ``expected``.

    Raises:
        ValueError: Naming all tensors that are unknown, missing or of another shape.
    """
    target, wrong = {}, []
    for key, value in source.items():
        name = rename(key)
        if name is None:
            continue
        if name not in expected:
            wrong.append(f'unknown: {key}')
        elif value.shape != expected[name].shape:
            wrong.append(f'{key} is {tuple(value.shape)}, expected {tuple(expected[name].shape)}')
        target[name] = value
    wrong += [f'missing: {name}' for name in expected if name not in target]
    if wrong:
        lines = '\n  '.join(wrong)
        raise ValueError(
            f'the checkpoint does not fit the model:\n  {lines}\n'
            'Give the checkpoint of this host, and a config with its number of classes.'
        )
    return target


def convert_checkpoint(
    source: str | Path, target: str | Path, config: str | Path, rename: Rename
) -> None:
    """Convert a published checkpoint for ``load_from`` or tools/test.py.

    Args:
        source: A ``state_dict``, bare or under the key ``state_dict`` or ``model``; no code in it
            is run.
        target: The file to write.
        config: Config of our model.
        rename: From a published name to ours.

    Raises:
        FileNotFoundError: ``source`` or ``config`` does not exist.
        ValueError: See :func:`convert_state_dict`.
    """
    if not Path(source).is_file():
        raise FileNotFoundError(f'no checkpoint at {str(source)!r}; download it first')
    cfg = read_config(str(config))
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    expected = MODELS.build(cfg.model).state_dict()
    state = torch.load(source, map_location='cpu', weights_only=True)
    for key in ('state_dict', 'model'):
        state = state.get(key, state)
    converted = convert_state_dict(state, rename, expected)
    with atomic_path(target) as path:
        torch.save(dict(state_dict=converted, meta=dict(source=os.path.basename(source))), path)
