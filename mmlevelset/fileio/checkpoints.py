"""The one reader of checkpoint files: no code in them is run, and damage is noticed."""

import re
import zipfile
from pathlib import Path
from typing import Any

import torch


def load_checkpoint_file(path: str | Path, map_location: Any = 'cpu') -> Any:
    """Read a checkpoint file of tensors.

    Args:
        path: The file.
        map_location: As of ``torch.load``.

    Returns:
        Any: What ``torch.save`` was given.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, something else, or holds more than tensors and plain values.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'no checkpoint at {str(path)!r}; download it first, or give the epoch_N.pth or '
            'iter_N.pth of a training'
        )
    try:
        # torch.load takes a file with flipped bits for one of other weights.
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
            if broken:
                raise ValueError(f'the checksum of its part {broken} is wrong')
        return torch.load(path, map_location=map_location, weights_only=True)
    # The parsers below torch.load raise nearly every kind of error on files that they do not know.
    except Exception as error:
        raise ValueError(
            f'{path} is no checkpoint of tensors, or damaged ({_reason(error)}). Give an older one of '
            'the same training, or download it again: links to cloud drives answer with a web page, '
            'then download the file by hand.'
        ) from error


def _reason(error: Exception) -> str:
    """Why a file was refused, without torch's advice to load it unsafely."""
    text = str(error).strip() or type(error).__name__
    refused = re.search(r'(?:WeightsUnpickler error:\s*|Trying to load )(.+)', text)
    return refused[1] if refused else text.splitlines()[0]
