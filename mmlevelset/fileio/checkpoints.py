"""The one reader of checkpoint files: no code in them is run, and damage is noticed."""

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .torchscript import is_torchscript, torchscript_state

SAFETENSORS = '.safetensors'
# Entries of the header of such a file: the meta data, as JSON, and the hash of both.
META, DIGEST = 'mmlevelset_meta', 'mmlevelset_sha256'


def load_checkpoint_file(path: str | Path, map_location: Any = 'cpu') -> Any:
    """Read a checkpoint file of tensors, of torch, TorchScript or safetensors (``.safetensors``).

    Args:
        path: The file.
        map_location: As of ``torch.load``.

    Returns:
        Any: What ``torch.save`` was given; of safetensors a dict of ``state_dict`` and ``meta``; of a
        TorchScript archive its tensors by name, see :func:`torchscript_state`.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: It is one of safetensors, and the package is missing.
        ValueError: It is damaged, something else, or holds more than tensors and plain values.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'no checkpoint at {str(path)!r}; download it first, or give the epoch_N.pth or '
            'iter_N.pth of a training'
        )
    try:
        if path.suffix == SAFETENSORS:
            return _load_safetensors(path, map_location)
        # torch.load takes a file with flipped bits for one of other weights.
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
                if broken:
                    raise ValueError(f'the checksum of its part {broken} is wrong')
                if is_torchscript(archive):
                    return _moved(torchscript_state(archive), map_location)
        return torch.load(path, map_location=map_location, weights_only=True)
    except ImportError:
        raise
    # The parsers below torch.load raise nearly every kind of error on files that they do not know.
    except Exception as error:
        raise ValueError(
            f'{path} is no checkpoint of tensors, or damaged ({_reason(error)}). Give an older one of '
            'the same training, or download it again: links to cloud drives answer with a web page, '
            'then download the file by hand.'
        ) from error


def pack_safetensors(state: Mapping[str, torch.Tensor], meta: dict[str, Any]) -> bytes:
    """Content of a safetensors file that :func:`load_checkpoint_file` reads.

    Args:
        state: Tensors by their names.
        meta: What can be said in JSON.

    Raises:
        ImportError: The package is missing.
    """
    _require_safetensors()
    from safetensors.torch import save

    # The format refuses two names for one memory, and tensors that are views.
    tensors = {key: value.detach().cpu().clone().contiguous() for key, value in state.items()}
    text = json.dumps(meta)
    header = {'format': 'pt', META: text, DIGEST: _digest(tensors, text)}
    return save(tensors, header)


def _load_safetensors(path: Path, map_location: Any) -> dict[str, Any]:
    """``state_dict`` and ``meta`` of a safetensors file, whose hash is compared if it states one."""
    _require_safetensors()
    from safetensors import safe_open

    with safe_open(path, 'pt') as file:
        header = file.metadata() or {}
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    text = header.get(META, '{}')
    if DIGEST in header and header[DIGEST] != _digest(tensors, text):
        raise ValueError('its checksum is wrong')
    return dict(state_dict=_moved(tensors, map_location), meta=json.loads(text))


def _moved(tensors: dict[str, torch.Tensor], map_location: Any) -> dict[str, torch.Tensor]:
    """Tensors of the CPU where ``map_location`` of ``torch.load`` wants them."""
    if callable(map_location):
        return {key: map_location(value, 'cpu') for key, value in tensors.items()}
    if map_location is not None:
        return {key: value.to(map_location) for key, value in tensors.items()}
    return tensors


def _digest(tensors: Mapping[str, torch.Tensor], meta: str) -> str:
    """SHA-256 of the meta data, and of names, types and values of tensors on the CPU."""
    digest = hashlib.sha256(meta.encode())
    for key in sorted(tensors):
        value = tensors[key].contiguous()
        digest.update(f'{key} {value.dtype} {tuple(value.shape)}'.encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _require_safetensors() -> None:
    try:
        import safetensors  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'a .safetensors file needs the package: pip install safetensors, or give the .pth file '
            'of the same weights'
        ) from error


def _reason(error: Exception) -> str:
    """Why a file was refused, without torch's advice to load it unsafely."""
    text = str(error).strip() or type(error).__name__
    refused = re.search(r'(?:WeightsUnpickler error:\s*|Trying to load )(.+)', text)
    return refused[1] if refused else text.splitlines()[0]
