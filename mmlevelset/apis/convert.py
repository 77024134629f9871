"""Official checkpoints of the hosts, under our parameter names."""

import argparse
import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor

from mmlevelset.config import read_config
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.checkpoints import load_checkpoint_file
from mmlevelset.fileio.labels import voc_palette
from mmlevelset.installation import CONFIGS

from .command import make_parser
from .seeds import classes_of

# Our name of a published tensor; None leaves it out (an alias, or nothing that the network uses).
Rename = Callable[[str], str | None]


def read_checkpoint(source: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a published checkpoint; no code in it is run.

    Args:
        source: A local file or an address; a ``state_dict``, bare or under the key ``state_dict``
            or ``model``.

    Returns:
        dict: the tensors by their published names.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else, or the address does not answer with a checkpoint.
    """
    try:
        if '://' in str(source):
            state = torch.hub.load_state_dict_from_url(
                str(source), map_location='cpu', weights_only=True
            )
        else:
            state = load_checkpoint_file(source)
    except (pickle.UnpicklingError, RuntimeError, EOFError, URLError) as error:
        raise ValueError(
            f'{source} is no checkpoint of tensors ({error}). Links to cloud drives '
            'answer with a web page: download the file by hand and give its path.'
        ) from error
    for key in ('state_dict', 'model'):
        state = state.get(key, state) if isinstance(state, Mapping) else state
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(
            f'{source} holds {_content(state)}, expected the tensors of a state_dict, bare or under '
            "the key 'state_dict' or 'model'"
        )
    return dict(state)


def convert_state_dict(
    source: Mapping[str, Tensor], rename: Rename, expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename the tensors of a checkpoint and check them against a model.

    Args:
        source: The published tensors.
        rename: From a published name to ours.
        expected: The ``state_dict()`` of the model, or of the part of it that is published.

    Returns:
        dict: exactly the keys and shapes of ``expected``. ``num_batches_tracked``, which files of
        PyTorch before 0.4.1 and other frameworks lack, is zero where it is not given.

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
    for name, value in expected.items():
        if name.endswith('num_batches_tracked'):
            target.setdefault(name, torch.zeros_like(value))
        elif name not in target:
            wrong.append(f'missing: {name}')
    if wrong:
        lines = '\n  '.join(wrong)
        raise ValueError(
            f'the checkpoint does not fit the model:\n  {lines}\n'
            'Give the checkpoint of this host, and a config with its number of classes.'
        )
    return target


def convert_checkpoint(
    source: str | Path | Mapping[str, Tensor],
    target: str | Path,
    config: str | Path,
    rename: Rename,
    part: str | None = None,
) -> None:
    """Convert a published checkpoint for ``load_from``, tools/test.py or ``init_cfg``.

    Args:
        source: As of :func:`read_checkpoint`, or its tensors, where a tool changes them first.
        target: The file to write.
        config: Config of our model.
        rename: From a published name to ours (inside ``part``).
        part: Submodule of the model that the checkpoint fills, e.g. ``'backbone'`` for weights of
            ImageNet; the file then suits ``init_cfg=dict(type='Pretrained', checkpoint=target)``
            of this submodule. Default: the whole model.

    Raises:
        FileNotFoundError: ``source`` or ``config`` does not exist.
        ValueError: See :func:`read_checkpoint` and :func:`convert_state_dict`.
    """
    meta: dict[str, Any] = {}
    if not isinstance(source, Mapping):
        meta, source = dict(source=os.path.basename(source)), read_checkpoint(source)
    cfg = read_config(str(config))
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    expected = (model.get_submodule(part) if part else model).state_dict()
    converted = convert_state_dict(source, rename, expected)
    if part is None and 'test_dataloader' in cfg:
        # mmsegmentation would guess the names from their number.
        classes = classes_of(cfg)
        meta['dataset_meta'] = dict(classes=classes, palette=voc_palette(len(classes)).tolist())
    with atomic_path(target) as path:
        torch.save(dict(state_dict=converted, meta=meta), path)


def converter_parser(doc: str, config: str) -> argparse.ArgumentParser:
    """Make the parser of a converter: SOURCE TARGET [--config CONFIG].

    Args:
        doc: Docstring of its file.
        config: Default config of our model, below ``configs``.
    """
    parser = make_parser(doc)
    parser.add_argument('source', help='published checkpoint, a file or an address')
    parser.add_argument('target', help='file to write')
    parser.add_argument('--config', default=str(CONFIGS / config), help='config of our model')
    return parser


def run_converter(doc: str, config: str, rename: Rename) -> None:
    """Command line of a converter that does nothing but rename; arguments as above.

    Raises:
        FileNotFoundError: The checkpoint or the config does not exist.
        ValueError: See :func:`convert_checkpoint`.
    """
    args = converter_parser(doc, config).parse_args()
    convert_checkpoint(args.source, args.target, args.config, rename)


def _content(state: object) -> str:
    """What a file holds, in a few words."""
    if isinstance(state, Mapping):
        return f'a dict with the keys {list(state)[:8]}'
    return f'a {type(state).__name__}'
