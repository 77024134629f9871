"""Switch the level-set losses on when the maps that they rest on exist."""

import logging
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmlevelset.models.level_set_head import LevelSetHead
from mmlevelset.models.trained import bare_model
from mmlevelset.registry import HOOKS

# The runs of docs/en/results.md give the energy 168 to 240 iterations of 16 images.
FEW = 100
RAMPS = 'level_set_ramps'  # what a training leaves in the message hub, and so in its checkpoints


@HOOKS.register_module()
class LossWarmupHook(Hook):
    """Ramp the losses of :class:`LevelSetHead` from 0 to 1.

    The CAM of an untrained classifier is noise, so its SDF has to wait; and the energy alone leads
    to the empty region, so it waits for phi^0 to follow the SDF. The factor depends on the
    iteration only: a resumed run continues where it was.

    Args:
        sdf: ``(begin, end)`` of the ramp of the SDF loss: whole numbers are iterations, fractions
            are shares of the training. A host that is trained already needs as many iterations
            whatever the size of the data set, a host that learns beside the level set a share.
        energy: ``(begin, end)`` of the ramp of the energy.

    Raises:
        ValueError: For a ramp that ends before it begins, is negative, or mixes iterations with
            shares; or a model without LevelSetHead.
    """

    def __init__(
        self, sdf: Sequence[float] = (0.0, 0.0), energy: Sequence[float] = (0.3, 0.5)
    ) -> None:
        for name, ramp in dict(sdf=sdf, energy=energy).items():
            if not isinstance(ramp, Sequence) or len(ramp) != 2:
                raise ValueError(
                    f'LossWarmupHook: {name}={ramp!r}, expected two numbers, where the ramp begins and ends'
                )
        self.ramps = dict(sdf=tuple(sdf), energy=tuple(energy))
        for name, (begin, end) in self.ramps.items():
            if (begin, end) == (0, 1) and _whole(begin, end):
                raise ValueError(
                    f'LossWarmupHook: {name}=(0, 1) would end at the first iteration; write (0.0, 1.0) for a ramp '
                    'over the whole training, (0, 0) for none'
                )
            if not 0 <= begin <= end or not (_whole(begin, end) or end <= 1):
                raise ValueError(
                    f'LossWarmupHook: {name}=({begin}, {end}), expected 0 <= begin <= end: two whole '
                    'numbers of iterations, or two fractions of the training up to 1.0'
                )

    def before_train(self, runner: Runner) -> None:
        """Find the heads, and say what a resumed training did before."""
        self.heads = level_set_heads(runner, 'LossWarmupHook')
        iterations = {
            name: [end if _whole(*ramp) else round(end * runner.max_iters) for end in ramp]
            for name, ramp in self.ramps.items()
        }
        before = runner.message_hub.get_info(RAMPS, iterations)
        if runner.iter and before != iterations:
            print_log(
                f'the ramps of the level-set losses, in iterations, were {before} before and are {iterations} now, '
                f'from iteration {runner.iter} on; for those of before, write these whole numbers into LossWarmupHook',
                logger='current',
                level=logging.WARNING,
            )
        runner.message_hub.update_info(RAMPS, iterations)
        for name, (first, _) in iterations.items():
            left = max(runner.max_iters - first, 0)
            if left < FEW:
                acts = f'is active for {left} iterations only' if left else 'never becomes active'
                print_log(
                    f'the {name} loss of the level sets {acts}: it begins at iteration {first}, the '
                    f'training has {runner.max_iters}; lengthen the training (train_cfg) or start it '
                    f'earlier (LossWarmupHook.{name} in custom_hooks)',
                    logger='current',
                    level=logging.WARNING,
                )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Set the factors of this iteration."""
        for head in self.heads:
            for name, (begin, end) in self.ramps.items():
                done = runner.iter / (1 if _whole(begin, end) else runner.max_iters)
                ramp = (done - begin) / (end - begin) if end > begin else float(done >= begin)
                head.warmup[name] = min(max(ramp, 0.0), 1.0)


def level_set_heads(runner: Runner, hook: str) -> list[LevelSetHead]:
    """The level-set heads of a runner's model.

    Args:
        runner (Runner): Its model is built.
        hook (str): Name of the hook that asks, for the error.

    Raises:
        ValueError: There is none.
    """
    heads = [m for m in bare_model(runner.model).modules() if isinstance(m, LevelSetHead)]
    if not heads:
        raise ValueError(
            f'{hook} found no LevelSetHead in the model; remove the hook from custom_hooks or add the '
            'auxiliary head'
        )
    return heads


def _whole(begin: float, end: float) -> bool:
    """Whether a ramp counts iterations; (0.3, 1) is a share like (0.3, 1.0)."""
    return isinstance(begin, int) and isinstance(end, int)
