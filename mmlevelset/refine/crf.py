"""Mean-field inference in the fully connected CRF (Krähenbühl and Koltun, 2011)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmlevelset.models.trained import checked_device
from mmlevelset.refine.base import Refiner, check_scores_of, rgb_image
from mmlevelset.refine.permutohedral import PermutohedralLattice
from mmlevelset.registry import REFINERS

BACKENDS = ('torch', 'pydensecrf')


@REFINERS.register_module()
class DenseCRF(Refiner):
    """Dense CRF with a spatial and a bilateral Gaussian and the Potts model.

    With unary energies U, ``Q = softmax(-U)`` at first, then ``Q = softmax(-U + sum_m w_m N_m K_m
    N_m Q)`` per iteration, where ``K = exp(-|f_i - f_j|^2 / 2)`` on the permutohedral lattice, pixel
    i = j included, and ``N = (K 1)^(-1/2)``: the defaults of pydensecrf, whose result this equals.

    Args:
        gaussian: Spatial kernel: ``sxy``, standard deviation in pixels, and ``compat``, weight w.
        bilateral: Kernel of position and colour: ``sxy`` in pixels, ``srgb`` in grey levels of
            0..255, ``compat``.
        iterations: Mean-field iterations.
        gt_prob: If given, the argmax of the scores is taken as a label that is right with this
            probability (IRN's 0.7); else the scores are probabilities.
        softmax: Whether scores become probabilities by a softmax over the labels (ToCo's CAMs).
        uniform: Share of the uniform distribution mixed into the scores, in [0, 1).
        background: Background score of seeds; see :class:`Refiner`.
        backend: ``'torch'`` or ``'pydensecrf'``, the C++ library of the extra ``crf``.
        device: Device of the torch backend.

    Raises:
        ValueError: For settings out of range.
        ImportError: If the backend is not installed.
    """

    def __init__(
        self,
        gaussian: dict[str, float],
        bilateral: dict[str, float],
        iterations: int = 10,
        gt_prob: float | None = None,
        softmax: bool = False,
        uniform: float = 0.0,
        background: dict[str, float] | None = None,
        backend: str = 'torch',
        device: str = 'cpu',
    ) -> None:
        super().__init__(background)
        _check_kernel('gaussian', gaussian, ('sxy', 'compat'))
        _check_kernel('bilateral', bilateral, ('sxy', 'srgb', 'compat'))
        if gt_prob is not None and not 0 < gt_prob < 1:
            raise ValueError(f'gt_prob must lie in (0, 1), got {gt_prob}')
        if not 0 <= uniform < 1 or iterations < 0:
            raise ValueError(
                f'expected uniform in [0, 1) and iterations >= 0, got {uniform} and {iterations}'
            )
        if gt_prob is not None and (softmax or uniform):
            raise ValueError(
                f'gt_prob={gt_prob} makes the unary of labels, softmax={softmax} and uniform={uniform} that of '
                'scores: give one or the others'
            )
        if backend not in BACKENDS:
            raise ValueError(f'backend={backend!r} is unknown; choose one of {BACKENDS}')
        if backend == 'pydensecrf':
            _pydensecrf()
        self.gaussian = dict(gaussian)
        self.bilateral = dict(bilateral)
        self.iterations = iterations
        self.gt_prob = gt_prob
        self.softmax = softmax
        self.uniform = uniform
        self.backend = backend
        self.device = checked_device(device)

    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Posterior of the labels, given their scores, for seeds and for segmentation models alike.

        Args:
            image (np.ndarray): RGB image, (H, W, 3) uint8.
            scores (np.ndarray): probabilities or scores in [0, 1] of L labels, (L, H, W).

        Returns:
            np.ndarray: probabilities that sum to 1 over the labels, (L, H, W) float32.

        Raises:
            ValueError: If image and scores do not fit together, or a score is not finite.
        """
        image, scores = rgb_image(image), np.asarray(scores, dtype=np.float32)
        check_scores_of(image, scores)
        if (
            len(scores) == 1
        ):  # nothing to decide, and gt_prob has no other label to give the rest to
            return np.ones_like(scores)
        if self.softmax:
            scores = torch.tensor(scores).softmax(dim=0).numpy()
        if self.gt_prob is None:
            unary = unary_from_scores(scores, self.uniform)
        else:
            unary = unary_from_labels(scores.argmax(axis=0), len(scores), self.gt_prob)
        infer = self._infer_torch if self.backend == 'torch' else self._infer_pydensecrf
        return infer(image, unary)

    @torch.inference_mode()
    def _infer_torch(self, image: np.ndarray, unary: np.ndarray) -> np.ndarray:
        labels, height, width = unary.shape
        colour = torch.from_numpy(image).to(self.device).float()
        rows, columns = torch.meshgrid(
            torch.arange(height, device=self.device).float(),
            torch.arange(width, device=self.device).float(),
            indexing='ij',
        )
        position = torch.stack([columns, rows], dim=-1)
        kernels = [
            (position / self.gaussian['sxy'], self.gaussian['compat']),
            (
                torch.cat(
                    [position / self.bilateral['sxy'], colour / self.bilateral['srgb']], dim=-1
                ),
                self.bilateral['compat'],
            ),
        ]
        filters = [_normalised(features.flatten(0, 1), weight) for features, weight in kernels]
        # Labels last: the lattices sum rows of all labels at once.
        logits = -torch.from_numpy(unary).to(self.device).view(labels, -1).t().contiguous()
        posterior = logits.softmax(dim=1)
        for _ in range(self.iterations):
            message = logits.clone()
            for kernel in filters:
                message += kernel(posterior)
            posterior = message.softmax(dim=1)
        return posterior.t().reshape(labels, height, width).cpu().numpy()

    def _infer_pydensecrf(self, image: np.ndarray, unary: np.ndarray) -> np.ndarray:
        labels, height, width = unary.shape
        crf = _pydensecrf().DenseCRF2D(width, height, labels)
        crf.setUnaryEnergy(np.ascontiguousarray(unary).reshape(labels, -1))
        crf.addPairwiseGaussian(**self.gaussian)
        crf.addPairwiseBilateral(rgbim=image, **self.bilateral)
        posterior = np.asarray(crf.inference(self.iterations), dtype=np.float32)
        return posterior.reshape(labels, height, width)


def unary_from_scores(scores: np.ndarray, uniform: float = 0.0) -> np.ndarray:
    """Energies of label scores.

    Args:
        scores (np.ndarray): scores in [0, 1] of L labels, (L, H, W) float32.
        uniform: Share of the uniform distribution mixed into the scores, in [0, 1).

    Returns:
        np.ndarray: -log(score), (L, H, W) float32; scores are clipped at 1e-5 from below, as in
        ``unary_from_softmax`` of pydensecrf.
    """
    mixed = np.float32(1 - uniform) * scores + np.float32(uniform / len(scores))
    return -np.log(mixed.clip(1e-5, 1))


def unary_from_labels(label: np.ndarray, num_labels: int, gt_prob: float) -> np.ndarray:
    """Energies of hard labels that are right with probability ``gt_prob``.

    Args:
        label (np.ndarray): labels 0..num_labels-1, (H, W) integers.
        num_labels: Number of labels L >= 2; the others share ``1 - gt_prob`` evenly.
        gt_prob: Probability in (0, 1).

    Returns:
        np.ndarray: negative log probabilities, (L, H, W) float32.
    """
    hit = np.arange(num_labels)[:, None, None] == label
    right, wrong = -np.log([gt_prob, (1 - gt_prob) / (num_labels - 1)]).astype(np.float32)
    return np.where(hit, right, wrong)


def _normalised(features: Tensor, weight: float) -> PermutohedralLattice:
    kernel = PermutohedralLattice(features)
    # 1e-20: pydensecrf's guard. Half of the weight goes to each side of the kernel.
    mass = kernel(features.new_ones(len(features), 1))[:, 0]
    kernel.scale(weight**0.5 / torch.sqrt(mass + 1e-20))
    return kernel


def _check_kernel(name: str, kernel: dict[str, float], keys: Sequence[str]) -> None:
    good = set(kernel) == set(keys) and all(
        kernel[key] >= 0 if key == 'compat' else kernel[key] > 0 for key in keys
    )
    if not good:
        raise ValueError(
            f'{name} must be a dict of {", ".join(keys)} with deviations > 0 and compat >= 0, '
            f'got {kernel}'
        )


def _pydensecrf() -> Any:
    try:
        from pydensecrf import densecrf
    except ImportError as error:
        raise ImportError(
            "backend='pydensecrf' needs the package pydensecrf2, which compiles C++: "
            'pip install "mmlevelset[crf]"; backend=\'torch\' gives the same result without it'
        ) from error
    return densecrf
