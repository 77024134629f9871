"""Memoise a frozen part of a network on disk: its outputs are a pure function of its weights and the pixels."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.named import named
from mmlevelset.fileio.npz import open_npz


class FrozenCache:
    """Content-addressed store of feature maps, shared by every run with the same frozen weights.

    The key of an image is the hash of its pixels, the frozen weights and ``tag``, so nothing else
    has to be plumbed through the data pipeline, and any augmentation that repeats a view (a flip, a
    fixed set of scales) hits. Features are rounded to float16 on a miss as on a hit, so that a run
    does not depend on what the store held before. A damaged file is made again.

    Args:
        folder: Where the ``.npz`` files go; delete it to clear the store.
        tag: What the outputs depend on besides weights and pixels (architecture, padding, …).
    """

    def __init__(self, folder: str | Path, tag: str) -> None:
        self.folder = Path(folder)
        self.tag = tag
        self.digest = b''

    def key_weights(self, tensors: list[Tensor]) -> None:
        """Make the frozen weights ``tensors`` (any shapes) part of every key."""
        digest = hashlib.blake2b(self.tag.encode(), digest_size=16)
        for tensor in tensors:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        self.digest = digest.digest()

    def _path(self, image: np.ndarray) -> Path:
        # The shape belongs to it: two plain images of other sides have the same bytes.
        content = f'{image.shape} '.encode() + image.tobytes()
        key = hashlib.blake2b(content, digest_size=16, key=self.digest).hexdigest()
        return self.folder / key[:2] / f'{key}.npz'

    def __call__(self, images: Tensor, compute: Callable[[Tensor], list[Tensor]]) -> list[Tensor]:
        """Return ``compute(images)``, from the store where an image is known.

        Args:
            images (Tensor): (N, 3, H, W), as the backbone sees them.
            compute: Maps (M, 3, H, W) to feature maps (M, K_i, h_i, w_i).

        Returns:
            list[Tensor]: feature maps (N, K_i, h_i, w_i), rounded to float16, in the dtype of
                ``images``.

        Raises:
            ValueError: The store cannot be made.
        """
        paths = [self._path(image) for image in images.detach().float().cpu().contiguous().numpy()]
        known = {i: row for i, path in enumerate(paths) if (row := _read(path)) is not None}
        missing = [i for i in range(len(paths)) if i not in known]
        if missing:
            # What is stored must not depend on the precision of the run that stores it.
            with torch.autocast(images.device.type, enabled=False):
                computed = compute(images[missing])
            for i, maps in zip(missing, zip(*computed, strict=True), strict=True):
                known[i] = [m.cpu().numpy().astype(np.float16) for m in maps]
                # Not packed, which would cost more than it saves.
                with (
                    named('frozen_cache'),
                    atomic_path(paths[i]) as temporary,
                    open(temporary, 'wb') as file,
                ):
                    np.savez(file, *known[i])
        rows = [known[i] for i in range(len(paths))]
        return [torch.from_numpy(np.stack(maps)).to(images) for maps in zip(*rows, strict=True)]


def _read(path: Path) -> list[np.ndarray] | None:
    """The feature maps of one image, each (K_i, h_i, w_i); None where they are missing or damaged."""
    try:
        with open_npz(path, 'it is made again') as stored:
            return [stored.array(name, (None, None, None), 'f') for name in stored.names]
    except (FileNotFoundError, ValueError):  # a lost file costs one pass
        return None
