"""The energy of evolved level sets as a loss (eq 21, 24), term by term."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .cam import cam_weight
from .energy import (
    alone,
    contour_length,
    edge_map,
    local_region_energy,
    region_energy,
    shrink,
    standardise,
)
from .limits import check_number

# Of negative weights, in the errors.
NO_REWARD = 'a negative weight would reward what the loss is to lower, 0 leaves it out'
# A vanished contour counts as one of this many pixels of the input image without any edge.
MISSING = 4.0
LEAST = 1e-3  # of g where learnt edges are certain: a contour on them still costs something


def batch_mean(value: Tensor) -> Tensor:
    """Mean of ``value`` (M, ...), a scalar; 0 instead of NaN where M is 0, still part of the graph."""
    return value.flatten(1).mean(1).sum() / max(len(value), 1)


class LevelSetEnergyLoss(nn.Module):
    """Energy of phi^T on the image and on the features (eq 21, 24), term by term.

    A term of weight 0 is not computed. The paper's energy as printed is ``image_weight=1,
    feature_weight=1, edge_weight=0, length_weight=gamma, alpha=0.5``. A background of one colour is a poor model
    of photographs, so the default asks the image for its edges (``edge_weight``) and only the
    features for two homogeneous regions.

    Args:
        image_weight: Of the region terms on x in [0, 1].
        feature_weight: Of the region terms on F, standardised per channel.
        local_weight: Of the region terms with window means on x, standardised per channel, see
            :func:`local_region_energy`.
        length_weight: gamma of eq 21.
        edge_weight: Of the mean edge-stopping value along the contour, see :func:`contour_length`.
        edge_share: Of learnt edges e in the edge-stopping function, where the data set loads some: g is
            ``edge_share`` (1 - e) + (1 - ``edge_share``) times that of the image. Ours, not in the paper.
        text_weight: Of the region terms on the similarity of every class's text; not in the paper, whose
            outlook names language. Two regions of even similarity are asked for; phi says which is inside.
        alpha: Share of the CAM in the data weight of eq 20, which the paper gives to x and F: the terms of
            ``local_weight`` and ``text_weight`` have none.
        cam_logit: ``'literal'`` or ``'normalised'``, see :func:`cam_weight`.
        kappa: Gradient at which the edge-stopping function is one half, in image units per pixel of
            the input image.
        local_radius: Half-size of the window of ``local_weight``, in pixels of the input image.
        eps: Width of the Heaviside function, in pixels of the input image.
        loss_weight: lambda_2 of eq 27.

    Raises:
        ValueError: When every term has weight 0, or a number is out of its range.
    """

    def __init__(
        self,
        image_weight: float = 0.0,
        feature_weight: float = 0.6,
        local_weight: float = 0.0,
        length_weight: float = 0.0,
        edge_weight: float = 0.3,
        text_weight: float = 0.0,
        alpha: float = 0.0,
        cam_logit: str = 'literal',
        kappa: float = 0.02,
        local_radius: float = 28.0,
        eps: float = 4.0,
        edge_share: float = 0.5,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.weights = dict(
            image=image_weight,
            features=feature_weight,
            local=local_weight,
            length=length_weight,
            edge=edge_weight,
            text=text_weight,
        )
        for name, value in self.weights.items():
            key = 'feature_weight' if name == 'features' else f'{name}_weight'
            check_number(key, value, 0, cure=NO_REWARD)
        check_number('loss_weight', loss_weight, 0, cure=NO_REWARD)
        check_number('alpha', alpha, 0, 1, '[]')
        check_number('edge_share', edge_share, 0, 1, '[]')
        for name, value in dict(kappa=kappa, local_radius=local_radius, eps=eps).items():
            check_number(name, value, 0, ends='()')
        if cam_logit not in ('literal', 'normalised'):
            raise ValueError(f"cam_logit is {cam_logit!r}, expected 'literal' or 'normalised'")
        if not any(self.weights.values()):
            raise ValueError(
                'LevelSetEnergyLoss: every term has weight 0; give one a weight or leave the loss out'
            )
        # What a trace asks, see LevelSetTrace.seen.
        self.text = bool(text_weight)
        self.learnt_edges = bool(edge_weight and edge_share)
        self.edge_share = edge_share
        self.alpha = alpha
        self.cam_logit = cam_logit
        self.kappa = kappa
        self.local_radius = local_radius
        self.eps = eps
        self.loss_weight = loss_weight

    def energies(
        self,
        phi: Tensor,
        image: Tensor,
        data: Tensor,
        cam: Tensor | None,
        stride: float,
        text: Tensor | None = None,
        edge: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Weighted energy terms per level set.

        Args:
            phi (Tensor): phi^T, (M, C, h, w), in pixels of the map, positive inside; the only input
                that receives a gradient.
            image (Tensor): x, (M, 3, H, W), in [0, 1], on the grid of ``phi`` or a finer one.
            data (Tensor): F standardised per channel, (M, K, h, w).
            cam (Tensor, optional): C, (M, C, h, w), >= 0, as the host wrote it; only ``alpha`` needs it.
            stride (float): pixels of the input image per pixel of the map.
            text (Tensor, optional): similarities to the text of every class, standardised,
                (M, C, h, w); only ``text_weight`` needs them.
            edge (Tensor, optional): probability of a learnt edge, (M, 1, H', W'), on the grid of ``phi`` or a
                finer one.

        Returns:
            dict[str, Tensor]: (M, C) per term, >= 0, times its weight and ``loss_weight``.

        Raises:
            ValueError: There is a ``text_weight``, and no text.
        """
        weight = None
        if self.alpha and cam is not None:
            weight = cam_weight(cam, self.alpha, self.cam_logit)
        size = phi.shape[2:]
        x = shrink(image, size)
        eps, radius = self.eps / stride, max(round(self.local_radius / stride), 1)
        kappa = self.kappa * stride * size[0] / image.shape[2]  # per pixel of x as it was given
        terms = dict(
            image=lambda: region_energy(phi, x, weight, eps),
            features=lambda: region_energy(phi, data, weight, eps),
            local=lambda: local_region_energy(phi, standardise(x), radius, eps),
            length=lambda: contour_length(phi, eps),
            edge=lambda: contour_length(
                phi, eps, self._stopping(image, edge, size, kappa), MISSING / stride
            ),
            text=lambda: _text_energy(phi, text, eps),
        )
        return {name: self.loss_weight * w * terms[name]() for name, w in self.weights.items() if w}

    def forward(
        self,
        phi: Tensor,
        image: Tensor,
        data: Tensor,
        cam: Tensor,
        stride: float,
        text: Tensor | None = None,
        edge: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Mean of every term of :meth:`energies`.

        Args:
            phi (Tensor): phi^T of the present classes, (M, 1, h, w), in pixels of the map, positive
                inside; the only input that receives a gradient.
            image (Tensor): x, (M, 3, H, W), in [0, 1], on the grid of ``phi`` or a finer one.
            data (Tensor): F standardised per channel, (M, K, h, w).
            cam (Tensor): C, (M, 1, h, w), >= 0, as the host wrote it.
            stride (float): pixels of the input image per pixel of the map.
            text (Tensor, optional): similarities to the class's text, standardised, (M, 1, h, w).
            edge (Tensor, optional): probability of a learnt edge, (M, 1, H', W').

        Returns:
            dict[str, Tensor]: scalars ``loss_energy_<term>``, >= 0; 0 where M is 0.
        """
        learnt = () if edge is None else (edge,)  # a subclass may know of none
        energies = self.energies(phi, image, data, cam, stride, text, *learnt)
        return {f'loss_energy_{name}': batch_mean(value) for name, value in energies.items()}

    def _stopping(
        self, image: Tensor, edge: Tensor | None, size: Sequence[int], kappa: float
    ) -> Tensor:
        """g, (M, 1, h, w), in (0, 1], of the image and, where there are some, of learnt edges."""
        g = edge_map(image, size, kappa)
        if edge is None:
            return g
        learnt = shrink(1 - edge.detach().to(g.dtype), size)
        return (self.edge_share * learnt + (1 - self.edge_share) * g).clamp_min(LEAST)


def _text_energy(phi: Tensor, text: Tensor | None, eps: float) -> Tensor:
    """Region energy of every class on its own similarities, all (M, C, h, w): (M, C)."""
    if text is None:
        raise ValueError(
            'LevelSetEnergyLoss: text_weight needs text similarities, and there are none: use a host '
            "that has them (CLIP-ES), put dict(type='mmlevelset.LoadGuide', seed_dir=…, "
            "field='text_similarity') behind the loading of the image, or leave text_weight out"
        )
    return region_energy(alone(phi), alone(text), None, eps).view(phi.shape[:2])
