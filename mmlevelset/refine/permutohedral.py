"""Gaussian filtering of many-dimensional points on the permutohedral lattice.

Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", 2010.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 4  # points per SSE register in pydensecrf's permutohedral.cpp


class PermutohedralLattice:
    """The linear map ``v_i -> sum_j exp(-|f_i - f_j|^2 / 2) v_j``, approximated in O(N d^2).

    Each value is spread over the d+1 corners of the lattice simplex around its point (splat), the
    lattice is blurred along its d+1 axes, and the corners are read back (slice). Every step is a
    weighted sum of rows, done by ``embedding_bag``, which runs on CPU and CUDA, adds in a fixed order
    and needs no memory beyond its result. Vertices that no point touches do not exist and count as
    zero.

    Features are rounded, ranked and weighted in float32 in the order of operations of pydensecrf, so
    that points near the border of two simplices fall on the same side.

    Args:
        features (Tensor): positions f of the points in standard deviations, (N, d) float32, finite.

    Raises:
        ValueError: If the features have another shape or type, no point, or a spread too large to
            number the corners.
    """

    def __init__(self, features: Tensor) -> None:
        if features.ndim != 2 or features.dtype != torch.float32 or not features.numel():
            raise ValueError(
                f'features must be (N, d) float32 with N, d >= 1, got {features.dtype} of shape '
                f'{tuple(features.shape)}'
            )
        points, dims = features.shape
        # pydensecrf fills the last block with points at zero. They carry no value, but their vertices
        # exist and take part in the blur.
        corners, weights, strides = _simplices(F.pad(features, (0, 0, 0, -points % BLOCK)))
        weights[points:] = 0
        ordered, order = corners.flatten().sort(stable=True)
        vertices, counts = torch.unique_consecutive(ordered, return_counts=True)
        rank = torch.repeat_interleave(torch.arange(len(vertices), device=counts.device), counts)

        # Slice: corners of each point, (N, d+1). Splat: the same entries sorted by corner.
        rows = torch.empty_like(order).scatter_(0, order, rank).int()
        self._corners = rows.view(-1, dims + 1)[:points]
        # The paper's gain: without it the blurs would raise the kernel above the Gaussian.
        self._weights = weights[:points] / (1 + 2.0**-dims)
        self._points = (order // (dims + 1)).clamp_(max=points - 1).int()
        self._point_weights = weights.flatten()[order]
        # One row more, without entries: the value 0 of the vertices that do not exist.
        self._starts = F.pad(counts.cumsum(0), (1, 0)).int()
        self._axes = [_neighbours(vertices, stride) for stride in strides]
        self._blur = features.new_tensor([1, 0.5, 0.5]).repeat(len(vertices) + 1, 1)

    def __len__(self) -> int:
        """Number of lattice vertices."""
        return len(self._starts) - 1

    def scale(self, factors: Tensor) -> None:
        """Turn the kernel K into ``diag(factors) K diag(factors)``, in place.

        Args:
            factors (Tensor): one factor per point, (N,) float32.
        """
        self._point_weights *= factors[self._points]
        self._weights *= factors[:, None]

    def __call__(self, values: Tensor) -> Tensor:
        """Filter all channels at once.

        Args:
            values (Tensor): values of the points, (N, C) float32.

        Returns:
            Tensor: filtered values, (N, C) float32.
        """
        lattice = F.embedding_bag(
            self._points, values, self._starts, mode='sum', per_sample_weights=self._point_weights
        )
        for rows in self._axes:
            lattice = F.embedding_bag(rows, lattice, mode='sum', per_sample_weights=self._blur)
        return F.embedding_bag(self._corners, lattice, mode='sum', per_sample_weights=self._weights)


def _simplices(features: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """Enclosing simplex of each point (section 3.1 of the paper).

    Returns:
        tuple: corners, (N, d+1) int64, one number per lattice vertex; barycentric weights of the
        corners, (N, d+1) float32; and the step in these numbers along each of the d+1 blur axes.
    """
    points, dims = features.shape
    side = dims + 1
    # Onto the plane sum(x) = 0 of d+1 dimensions, where a blur of the lattice has variance 1.
    deviation = float(torch.tensor((2 / 3) ** 0.5 * side))
    scales = torch.tensor([deviation / ((i + 1) * (i + 2)) ** 0.5 for i in range(dims)])
    scaled = features.t() * scales.to(features)[:, None]
    elevated = features.new_empty(side, points)
    total = features.new_zeros(points)
    for i in range(dims, 0, -1):
        elevated[i] = total - i * scaled[i - 1]
        total = total + scaled[i - 1]
    elevated[0] = total
    del scaled

    # Nearest point whose coordinates are multiples of d+1, and the descending order of what is left.
    inverse = float(torch.tensor(1 / side))
    base = torch.round(elevated * inverse)
    rest = elevated - base * side
    rank = base.sum(0).to(torch.int8).repeat(side, 1)
    for i in range(side):
        rank[i] += i
        for j in range(i + 1, side):
            less = (rest[i] < rest[j]).view(torch.int8)
            rank[i] += less
            rank[j] -= less
    # Rounding may leave the plane; the coordinates that were rounded furthest step back.
    step = (rank < 0).view(torch.int8) - (rank > dims).view(torch.int8)
    rank = (rank + side * step).long()
    base = (base + step).mul_(side)

    descending = torch.empty_like(rest).scatter_(0, rank, (elevated - base) * inverse)
    weights = features.new_empty(points, side)
    weights[:, 0] = descending[dims] + (1 - descending[0])
    weights[:, 1:] = (descending[:-1] - descending[1:]).flip(0).t()

    # Mixed radix over the first d coordinates (the last follows from them). A corner is less than
    # d+1 from the base and a neighbour at most d from a corner, so no sum carries over.
    base = base[:dims].long()
    low, high = base.amin(1) - 2 * side, base.amax(1) + 2 * side
    radix = [1]
    for span in (high - low + 1).tolist():
        radix.append(radix[-1] * span)
    if radix[-1] >= 2**63:
        raise ValueError(
            f'features span {(features.amax(0) - features.amin(0)).tolist()} standard deviations, '
            'which is more than 64 bits can number; use larger standard deviations'
        )
    unit = torch.tensor([*radix[:dims], 0], device=features.device)
    corners = torch.empty(points, side, dtype=torch.int64, device=features.device)
    corners[:, 0] = ((base - low[:, None]) * unit[:dims, None]).sum(0)
    # Corner r+1 adds 1 to every coordinate of corner r and takes d+1 from the one of rank d-r.
    diagonal = sum(radix[:dims])
    units = torch.empty_like(rank).scatter_(0, rank, unit[:, None].expand(-1, points))
    for r in range(dims):
        corners[:, r + 1] = corners[:, r] + diagonal - side * units[dims - r]
    return corners, weights, [diagonal - side * int(u) for u in unit]


def _neighbours(vertices: Tensor, stride: int) -> Tensor:
    """Rows (self, after, before) along one axis, (M+1, 3) int32; row M stands for what is missing."""
    missing = len(vertices)
    here = torch.arange(missing + 1, device=vertices.device)
    target = vertices + stride
    after = torch.full_like(here, missing)
    found = torch.searchsorted(vertices, target).clamp_(max=missing - 1)
    after[:-1] = torch.where(vertices[found] == target, found, missing)
    before = torch.full_like(here, missing)
    before[after] = here  # who is after me has me before it
    before[missing] = missing  # many have met there
    return torch.stack([here, after, before], dim=1).int()
