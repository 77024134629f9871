"""Table 3: classical iterations against one pass of the operator, with the energy each reaches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mmlevelset.levelset import (
    FNOEvolution,
    chan_vese,
    data_force,
    drlse,
    edge_stopping,
    signed_distance,
)

from . import peers, trained
from .timing import Comparison, Row

ITERATIONS = (1, 5, 10, 15)
PAPER = {1: 0.3316, 5: 1.9541, 10: 3.4308, 15: 5.6777}  # seconds, Table 3
PAPER_FNO = 1.7832
ONE_PASS = 'one pass'
FNO = 'FNO, one pass'
TIMES_FNO = 'times the FNO'
_MAX_PHI = 20.0  # pixels, as in chan_vese

Evolve = Callable[[int], Tensor]


def contour_energy(phi: Tensor, image: Tensor) -> float:
    """Energy of the contour alone, mean over the classes.

    Every phi is first replaced by the signed distance of its inside: nobody gains by a steeper or
    flatter phi, and masks can be compared as well.

    Args:
        phi (Tensor): (1, C, h, w), any unit, positive inside.
        image (Tensor): (1, 1, h, w), in [0, 1].

    Returns:
        float: ``trained.objective`` of the distances.
    """
    return (
        trained.objective(
            signed_distance(phi.reshape(1, -1, *image.shape[2:]).to(image.device) > 0), image
        )
        .mean()
        .item()
    )


def minimise(phi: Tensor, image: Tensor, steps: int) -> Tensor:
    """What iterative minimisation of the energy by Adam reaches, the yardstick of the rows.

    Args:
        phi (Tensor): phi^0, (1, C, h, w), in pixels, positive inside.
        image (Tensor): (1, 1, h, w), in [0, 1].
        steps (int): Adam steps of one pixel.

    Returns:
        Tensor: the last phi, like ``phi``.
    """
    phi = phi.clamp(-_MAX_PHI, _MAX_PHI).requires_grad_()
    # H' fades to 1e-9 at 20 px: Adam must follow directions however small, so eps is smaller still.
    optimiser = torch.optim.Adam([phi], lr=1.0, eps=1e-12)
    for _ in range(steps):
        optimiser.zero_grad()
        (trained.objective(phi, image).sum() * image.numel()).backward()
        optimiser.step()
        with torch.no_grad():
            phi.clamp_(-_MAX_PHI, _MAX_PHI)
    return phi.detach()


def table3(
    image: Tensor, classes: int, operator: FNOEvolution, adam_steps: int, compiled: bool
) -> tuple[Comparison, Row]:
    """The rows of Table 3, all from the same start and with the same energy.

    Args:
        image (Tensor): (1, 1, h, w), grey, in [0, 1].
        classes (int): level sets, C.
        operator (FNOEvolution): trained on other images.
        adam_steps (int): steps of the yardstick.
        compiled (bool): add a row of ``torch.compile``; compilation takes minutes on a CPU.

    Returns:
        tuple[Comparison, Row]: the comparison and the energies of the start and of the yardstick.
    """
    start = trained.starts(image, classes, torch.Generator().manual_seed(1))
    before = contour_energy(start, image)
    yardstick = contour_energy(minimise(start, image, adam_steps), image)

    def reached(phi: Tensor) -> Row:
        after = contour_energy(phi, image)
        return dict(energy=after, share=(before - after) / (before - yardstick))

    comparison = Comparison('table3', ONE_PASS, image.device, bases={TIMES_FNO: lambda method: FNO})
    for name, build in _classical(image, start, compiled).items():
        for steps in ITERATIONS:
            case = f'{steps} iterations'
            comparison.add(name, partial(_with_steps, build, steps), reached, case)
    force = partial(_minus_force, start, trained.coarse_image(image))
    comparison.add('data force of phi⁰, no operator', lambda: force, reached)
    run = torch.inference_mode()(partial(trained.one_pass, operator, start, image))
    comparison.add(FNO, lambda: run, reached)
    return comparison, dict(start=before, adam=yardstick, adam_steps=adam_steps)


def _classical(image: Tensor, start: Tensor, compiled: bool) -> dict[str, Callable[[], Evolve]]:
    """Builders of the iterative methods, each of a function from iterations to phi."""
    classes, size = start.shape[1], start.shape[2]
    edge, coarse = edge_stopping(image), trained.coarse_image(image)
    free = signed_distance(start > 0)  # not cut, so that large steps find a slope everywhere
    flat = start[0] / _MAX_PHI  # its Dirac function moves nothing where phi is 20
    rows: dict[str, Callable[[], Evolve]] = {
        f'skimage chan_vese ×{classes}': lambda: peers.skimage_chan_vese(
            image[0, 0], flat, trained.LENGTH
        ),
        f'skimage morphological ×{classes}': lambda: peers.skimage_morphological(
            image[0, 0], start[0]
        ),
        'chan_vese, batched': lambda: lambda steps: chan_vese(start, image, steps=steps),
        # The best classical peer found: no length that would damp it, steps of 10 px, and the
        # smoothed image that the operator's condition sees.
        'chan_vese, batched, tuned': lambda: (
            lambda steps: chan_vese(
                free, coarse, steps=steps, step_size=10, length=0, max_phi=2 * size
            )
        ),
        'drlse, batched': lambda: lambda steps: drlse(start, edge, steps=steps),
    }
    if compiled:
        rows['chan_vese, batched, compiled'] = lambda: _compiled(start, image)
    return rows


def _compiled(start: Tensor, image: Tensor) -> Evolve:
    step = torch.compile(chan_vese)

    def run(steps: int) -> Tensor:
        phi = start
        for _ in range(steps):
            phi = step(phi, image, steps=1)
        return phi

    return run


def _with_steps(build: Callable[[], Evolve], steps: int) -> Callable[[], Tensor]:
    return partial(build(), steps)


def _minus_force(start: Tensor, image: Tensor) -> Tensor:
    return -data_force(start, image)
