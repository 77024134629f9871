"""Checkpoints to give away: the weights alone, with what a user must know, under a name with a hash."""

import hashlib
import io
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmlevelset.config import settings_hash
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.checkpoints import SAFETENSORS, pack_safetensors
from mmlevelset.fileio.hashes import file_hash
from mmlevelset.fileio.labels import voc_palette
from mmlevelset.fileio.versions import versions
from mmlevelset.models.seeds import level_set_of
from mmlevelset.models.trained import load_trained, plain_tensors

from .seeds import classes_of

_DIGITS = 8  # of the hash in a name, as torch.hub compares it


def publish_checkpoint(cfg: Config, checkpoint: str | Path, out: str | Path) -> list[Path]:
    """Write the weights of a training as ``<out>-<hash>.pth`` and ``<out>-<hash>.safetensors``.

    Optimiser, schedules, logs and the text of the config are left out. Both files load wherever a
    checkpoint is accepted; reading the second needs no pickle. The hash is the beginning of the
    SHA-256 of the file.

    Args:
        cfg: Config of the training.
        checkpoint: Its checkpoint.
        out: Path of the files without hash and suffix.

    Returns:
        list[Path]: both files.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ImportError: The package safetensors is missing.
        ValueError: The checkpoint does not fit the config, or has weights that are not finite.
    """
    model, state = load_trained(cfg, str(checkpoint))
    given = dict(plain_tensors(state.get('state_dict', state)))
    tensors = {key: given[key] for key in model.state_dict() if key in given}
    known = state.get('meta', {}).get('dataset_meta') or {}
    classes = list(known.get('classes') or classes_of(cfg))
    meta: dict[str, Any] = dict(
        dataset_meta=dict(classes=classes, palette=voc_palette(len(classes)).tolist()),
        config=Path(cfg.filename).name,
        config_hash=settings_hash(cfg),
        source_hash=file_hash(checkpoint),
        epoch=state.get('meta', {}).get('epoch'),
        iter=state.get('meta', {}).get('iter'),
        **_levels(model, classes),
        versions=versions(),
    )
    buffer = io.BytesIO()
    torch.save(dict(state_dict=tensors, meta=meta), buffer)
    contents = {'.pth': buffer.getvalue(), SAFETENSORS: pack_safetensors(tensors, meta)}
    files = []
    for suffix, content in contents.items():
        digest = hashlib.sha256(content).hexdigest()[:_DIGITS]
        files.append(Path(f'{out}-{digest}{suffix}'))
        with atomic_path(files[-1]) as temporary:
            temporary.write_bytes(content)
    return files


def _levels(model: torch.nn.Module, classes: list[str]) -> dict[str, dict[str, float]]:
    """Backgrounds of eq 9, zeros and guidance of the level sets per class; nothing without level sets."""
    head = level_set_of(model)
    if head is None:
        return {}
    levels = dict(backgrounds=head.backgrounds(), zeros=head.zeros())
    if head.auto_zero is not None and not head.auto_zero.histogram.any():
        del levels['zeros']  # the training found none
    if (shares := head.shares()).any():
        levels['guidance'] = shares
    return {
        name: dict(zip(classes[1:], (round(x, 3) for x in found.tolist()), strict=True))
        for name, found in levels.items()
    }
