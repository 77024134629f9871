"""Level set evolution from any seed, as a refinement: classical, or by a trained operator."""

from math import prod
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from mmlevelset import levelset
from mmlevelset.config import read_config
from mmlevelset.levelset import ClassicalEvolution, seed_scores
from mmlevelset.levelset.refiner import BACKGROUND, initial_phi
from mmlevelset.models.seeds import level_set_of
from mmlevelset.models.trained import checked_device
from mmlevelset.refine.base import Refiner
from mmlevelset.refine.model import SeenSize, load_model, normalised
from mmlevelset.registry import REFINERS
from mmlevelset.structures.host import text_similarities


@REFINERS.register_module()
class EvolutionRefiner(Refiner):
    """Classical evolution at the resolution of the image: no network, no training.

    A class starts from the signed distance of the pixels where it has the highest score, background
    included. Scores become those of :func:`seed_scores`, that of the background 0.5.

    Args:
        method: ``'chan_vese'`` or ``'drlse'``.
        background: Where the contours start, see :class:`Refiner`.
        device: Where to compute.
        **options: Of :func:`mmlevelset.levelset.chan_vese` (``local_radius=...`` for local means) or
            :func:`mmlevelset.levelset.drlse`, e.g. ``steps``.

    Raises:
        ValueError: For an unknown method or option.
    """

    def __init__(
        self,
        method: str,
        background: dict[str, float],
        device: str = 'cpu',
        **options: Any,
    ) -> None:
        super().__init__(background)
        if known := sorted({'geodesic', 'num_classes', 'truncate'} & set(options)):
            raise ValueError(f'EvolutionRefiner has no {known}; leave it out')
        evolution = ClassicalEvolution(method, geodesic=False, **options)
        self.evolve = levelset.LevelSetRefiner(evolution)
        self.device = checked_device(device)

    @torch.inference_mode()
    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Evolve; arguments and result as of :meth:`Refiner.refine`."""
        x = torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None].float() / 255
        return self.evolve(x, torch.from_numpy(scores).to(self.device)[None])[0].cpu().numpy()


@REFINERS.register_module()
class LevelSetRefiner(Refiner):
    """The operator that a LevelSetHead learnt, from any seed.

    Its own initial level sets are replaced by the signed distance of the seed, on the grid that it
    was trained on, the finest feature map.

    Args:
        config: Config of a model with a ``LevelSetHead`` as an auxiliary head.
        checkpoint: Its weights.
        background: Where the contours start, see :class:`Refiner`.
        size: (H, W) that the network sees the image at. Default: that of the config's test pipeline.
        device: Where to compute.

    Raises:
        ValueError: If the model has no evolution.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str,
        background: dict[str, float],
        size: tuple[int, int] | None = None,
        device: str = 'cpu',
    ) -> None:
        super().__init__(background)
        cfg = read_config(config)
        self.model = load_model(cfg, checkpoint, device)
        head = level_set_of(self.model)
        if head is None or head.evolution is None:
            raise ValueError(
                f'{config} has no level-set evolution; give a config whose auxiliary_head is a '
                'LevelSetHead with loss_energy'
            )
        self.head = head
        self._classes: torch.Tensor | None = None
        self.size = size and tuple(size)
        self.seen_size = SeenSize(cfg)
        self.device = checked_device(device)

    def __call__(self, image: np.ndarray, seed: Any) -> np.ndarray:
        """Refine the seed of one image, as :meth:`Refiner.__call__`.

        Raises:
            ValueError: If the seed has a class that the model does not know, or see there.
        """
        if len(seed.keys) and max(seed.keys) >= self.head.num_classes:
            raise ValueError(
                f'the seed has class {max(seed.keys)}, the level-set model knows '
                f'{self.head.num_classes}; use seeds and model of the same classes'
            )
        self._classes = torch.as_tensor(seed.keys)  # an operator per class needs to know which
        return super().__call__(image, seed)

    @torch.inference_mode()
    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Evolve; arguments and result as of :meth:`Refiner.refine`.

        Raises:
            ValueError: Nobody said which classes the scores are of.
        """
        if self._classes is None:
            raise ValueError(
                'LevelSetRefiner refines seeds, which say their classes, not the scores of a model; use DenseCRF or '
                'EvolutionRefiner there'
            )
        size = self.size or self.seen_size(image)
        x = F.interpolate(normalised(self.model, image), size, mode='bilinear', antialias=True)
        features = self.model.extract_feat(x)
        grid = max((features[i].shape[2:] for i in self.head.in_index), key=prod)
        unit = torch.from_numpy(image).to(x).permute(2, 0, 1)[None] / 255
        unit = F.interpolate(unit, x.shape[2:], mode='area')
        seeds = F.interpolate(torch.from_numpy(scores).to(x)[None], grid, mode='bilinear')
        cut = self.head.truncate * grid[1] / x.shape[3]  # in pixels of the map
        phi = x.new_full((1, self.head.num_classes, *grid), -cut)
        phi[:, self._classes] = initial_phi(seeds, cut)[0]
        pairs = torch.zeros_like(self._classes), self._classes
        text = text_similarities(self.model, features)
        phi = self.head.evolve_pairs(features, unit, phi, pairs, text)[2].transpose(0, 1)
        phi = F.interpolate(phi, image.shape[:2], mode='bilinear')[0]
        evolved = seed_scores(phi, cut)
        return torch.cat([torch.full_like(evolved[:1], BACKGROUND), evolved]).cpu().numpy()
