"""LPCAM: likeness to local prototypes in place of classifier weights (Chen and Sun, CVPR 2023)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.fileio.hashes import file_hash
from mmlevelset.registry import MODELS
from mmlevelset.structures.host import Host

from .base import linear_head, mirror_sum, with_mirror
from .prototypes import CURE, directions, network_hash, read_prototypes


@MODELS.register_module()
class LPCAM:
    """Mean cosine to the prototypes of a class, minus that to those of its context.

    The feature map of a view is the sum of its own and of that of its mirror image: give a
    test-time augmentation without flips. tools/misc/lpcam_prototypes.py makes the prototypes.

    Args:
        prototypes: The ``.npz`` file, read with the first image.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is of other weights, has no prototype of a class that an image shows, or the
            host has no linear classifier.
    """

    def __init__(self, prototypes: str) -> None:
        self.path = prototypes
        self._of: tuple[Tensor, Tensor] | None = None

    def describe(self) -> str:
        """Name for ``meta.json``, with the hash of the prototypes."""
        return f'LPCAM, prototypes {file_hash(self.path)}'

    def maps(self, model: Host, inputs: Tensor, labels: Tensor, metas: Sequence[dict]) -> Tensor:
        """Make the CAMs of a batch; arguments and result as of :meth:`CAMMethod.maps`."""
        head = linear_head(model, 'LPCAM')
        inside, context = self._directions(model, labels)
        cams = []
        for image in inputs:
            feature = mirror_sum(model.extract_feat(with_mirror(image))[head.in_index])
            unit = F.normalize(feature.float(), dim=0)
            cams.append(torch.einsum('khw,ck->chw', unit, (inside - context).to(unit)))
        # Where a class has no context, the official code leaves negative values: below any background.
        return F.relu(torch.stack(cams)) * labels[..., None, None]

    def _directions(self, model: Host, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean directions of classes and contexts, (C, K), of this very network."""
        if self._of is None:
            groups, meta = read_prototypes(self.path)
            if meta['network'] != network_hash(model):
                raise ValueError(
                    f'{self.path} holds prototypes of other weights ({meta["weights"]}): {CURE} '
                    'from the checkpoint that is tested'
                )
            inside, context = directions(list(groups.values()), labels.shape[1])
            self._of = inside, context
        missing = ((self._of[0] == 0).all(1).to(labels.device) & (labels > 0).any(0)).nonzero()
        if len(missing):
            raise ValueError(
                f'{self.path} has no prototype of the classes {missing.flatten().tolist()} (0 is the '
                f'first foreground class), which an image shows: {CURE} on images that show them'
            )
        return self._of
