"""Prototypes of LPCAM: features that stand for a class and for its context, and their file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.fileio.npz import open_npz, write_npz
from mmlevelset.structures.host import Host

# kmeans_pytorch has no limit and may go back and forth for ever; its tolerance ends it within tens.
MAX_ITERATIONS = 300
CURE = 'make it with tools/misc/lpcam_prototypes.py'


@dataclass(frozen=True)
class PrototypeRule:
    """How prototypes are chosen; the defaults are those of LPCAM's VOC code.

    All are arguments of ``load_feature_select_and_cluster`` in step/make_lpcam.py
    (zhaozhengChen/LPCAM); step_coco/make_lpcam.py has 20 clusters, ``select`` 0.25 and a context
    of 0 to 0.5.

    Args:
        clusters: Of the features of a class, and of those of its context.
        select: Seed from which on a pixel shows the class; below it shows the context.
        class_score: Probability of the class that a cluster of the class must exceed. Where none
            does, the best one serves (step_coco/make_lpcam.py; the VOC code fails).
        context_score: Range of it for clusters of the context, without its ends.
        tolerance: k-means ends once the square of the sum of all centres' steps is smaller.
    """

    clusters: int = 12
    select: float = 0.1
    class_score: float = 0.9
    context_score: tuple[float, float] = (0.05, 0.9)
    tolerance: float = 5.0


def cosine_kmeans(x: Tensor, clusters: int, tolerance: float, rng: np.random.RandomState) -> Tensor:
    """Cluster features by their angles; centres are means of the features themselves.

    The rule is that of ``kmeans(..., distance='cosine')`` of kmeans_pytorch 0.3, which LPCAM uses.
    An empty cluster keeps its centre (there it becomes NaN).

    Args:
        x (Tensor): features, (N, K).
        clusters: At most N are found.
        tolerance: See :class:`PrototypeRule`.
        rng: Chooses the first centres among the features.

    Returns:
        Tensor: centres, (min(clusters, N), K).
    """
    centres = x[rng.choice(len(x), min(clusters, len(x)), replace=False)]
    unit = F.normalize(x, dim=1)
    for _ in range(MAX_ITERATIONS):
        nearest = (unit @ F.normalize(centres, dim=1).T).argmax(1)
        count = nearest.bincount(minlength=len(centres))[:, None]
        means = torch.zeros_like(centres).index_add_(0, nearest, x) / count.clamp_min(1)
        moved = torch.where(count > 0, means, centres)
        shift = (moved - centres).norm(dim=1).sum()
        centres = moved
        if shift**2 < tolerance:
            break
    return centres


def split_by_seed(feature: Tensor, seed: Tensor, select: float) -> tuple[Tensor, Tensor]:
    """Features of a class and of its context in one image.

    Args:
        feature (Tensor): (K, h, w).
        seed (Tensor): seed of the class, (H, W), in [0, 1].
        select: See :class:`PrototypeRule`.

    Returns:
        tuple: (N, K) and (M, K); a pixel at ``select`` itself belongs to neither.
    """
    score = F.interpolate(seed[None, None].float(), feature.shape[1:])[0, 0]  # nearest, as there
    pixels = feature.permute(1, 2, 0)
    return pixels[score > select], pixels[score < select]


def choose(
    inside: Tensor, context: Tensor, weight: Tensor, target: int, rule: PrototypeRule
) -> tuple[Tensor, Tensor]:
    """Keep the centres that the classifier agrees with.

    Args:
        inside (Tensor): centres of the class, (N, K), N >= 1.
        context (Tensor): centres of its context, (M, K).
        weight (Tensor): weights of the classifier, (C, K).
        target: The class, in 0 .. C-1.
        rule: The thresholds.

    Returns:
        tuple: (N', K), N' >= 1, and (M', K).
    """
    score = (inside @ weight.T).softmax(1)[:, target]
    kept = score > rule.class_score
    kept = kept if kept.any() else score == score.max()
    low, high = rule.context_score
    score = (context @ weight.T).softmax(1)[:, target]
    return inside[kept], context[(score > low) & (score < high)]


def network_hash(model: Host) -> str:
    """First 16 hexadecimal digits of a hash of backbone and decode head."""
    digest = hashlib.sha256()
    for part in ('backbone', 'decode_head'):
        for name, tensor in getattr(model, part).state_dict().items():
            digest.update(f'{part}.{name}'.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def write_prototypes(
    path: str | Path,
    inside: dict[int, np.ndarray],
    context: dict[int, np.ndarray],
    meta: dict[str, Any],
) -> None:
    """Write prototypes, atomically.

    Args:
        path: ``.npz`` file.
        inside: Per class, (N, K) float32.
        context: Likewise, (M, K).
        meta: How they were made; ``network`` is the :func:`network_hash`.
    """
    arrays: dict[str, np.ndarray] = {'meta': np.array(json.dumps(meta))}
    for name, groups in (('class', inside), ('context', context)):
        arrays[name] = np.concatenate([groups[key] for key in sorted(groups)])
        arrays[f'{name}_of'] = np.repeat(sorted(groups), [len(groups[k]) for k in sorted(groups)])
    write_npz(path, **arrays)


def read_prototypes(path: str | Path) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, Any]]:
    """Read prototypes and how they were made.

    Returns:
        tuple: for ``'class'`` and ``'context'`` the prototypes (P, K) and their classes (P,); and
        how they were made.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'no prototypes {path}; {CURE}')
    with open_npz(path, CURE) as file:
        meta = json.loads(str(file.array('meta', (), kinds='U')))
        found = {}
        for name in ('class', 'context'):
            vectors = file.array(name, (None, None), 'f')
            of = file.array(f'{name}_of', (len(vectors),), 'iu')
            found[name] = torch.tensor(vectors), torch.tensor(of.astype(np.int64))
    return found, meta


def directions(groups: Sequence[tuple[Tensor, Tensor]], num_classes: int) -> list[Tensor]:
    """Mean direction of the prototypes of every class, for each group, (C, K); 0 without any."""
    means = []
    for vectors, of in groups:
        total = vectors.new_zeros(num_classes, vectors.shape[1])
        total.index_add_(0, of, F.normalize(vectors, dim=1))
        means.append(total / of.bincount(minlength=num_classes)[:, None].clamp_min(1))
    return means
