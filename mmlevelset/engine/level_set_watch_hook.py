"""Look after the level sets while they train: what would otherwise show in the scores alone."""

import logging
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmlevelset.engine.loss_warmup_hook import level_set_heads
from mmlevelset.models.guidance import slopes
from mmlevelset.models.level_set_head import LevelSetHead
from mmlevelset.models.trained import bare_model
from mmlevelset.registry import HOOKS

# Level sets should be about as large as the masks that they came from: the energy has no reason to double an
# object. They are smaller by design, with zero='auto' by half as a rule: a CAM is wider than its object. Fewer
# pairs than this say nothing about a class.
SHARES = (0.25, 2.0)
FEW = 16
# Most of the targets should have a contour.
VALID = 0.5
# A host that misses more than half of the classes on its own training images has no CAM to learn from.
RECALL = 50.0
# At the end of a training, a phi^0 that follows its target with a smaller slope has not learnt it: sofa, chair, car and
# bottle, which lose on SEAM, have 0.07 to 0.25, the classes of the plain CAM 0.44 to 0.83 (docs/en/results.md).
FOLLOWS = 0.3
# Level sets below 0.5 % or above 99.5 % of the map have collapsed: the energy has no gradient left.
COLLAPSED = 0.005
# An operator that moves phi by less than this share of the truncation distance does nothing.
IDLE = 1e-3


@HOOKS.register_module()
class LevelSetWatchHook(Hook):
    """Warn of a host that knows no classes, and of level sets that vanish, spread, learn nothing or do not move.

    The host is judged from the moment on at which a level set learns from it, and what level sets have learnt at the
    end, by the last two looks. What 'auto' found is logged.

    Args:
        interval: Iterations between two looks; the last one is at the end of the training.

    Raises:
        ValueError: If ``interval`` is not positive, or the model has no LevelSetHead.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 100) -> None:
        if interval < 1:
            raise ValueError(f'LevelSetWatchHook: interval={interval}, expected iterations >= 1')
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        """Find the heads and the names of the classes."""
        self.heads = level_set_heads(runner, 'LevelSetWatchHook')
        paths = {module: path for path, module in bare_model(runner.model).named_modules()}
        # of several heads each line says whose it is
        self.whose = [f'{paths[head]}: ' if len(self.heads) > 1 else '' for head in self.heads]
        classes = getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('classes') or ()
        self.classes = [name for name in classes if name != 'background']
        self.recalls: list[float] = []
        for head in self.heads:
            head.watch.reset()
        # what the last two looks have seen: the last one may hold a few iterations only
        self.earlier = [head.watch.sums for head in self.heads]
        self.latest = self.earlier

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Look, every ``interval`` iterations."""
        if any(any(head.warmup.values()) for head in self.heads):  # a host may learn alone before
            outputs = outputs or {}
            self.recalls += [float(v) for k, v in outputs.items() if k.endswith('recall_cls')]
        if (runner.iter + 1) % self.interval == 0:
            self._look(runner)

    def after_train(self, runner: Runner) -> None:
        """Look at what came after the last time, and at what has been learnt."""
        self._look(runner)
        for head, whose, earlier, latest in zip(
            self.heads, self.whose, self.earlier, self.latest, strict=True
        ):
            if getattr(head.loss_sdf, 'loss_weight', 1.0):
                sums = {name: earlier[name] + latest[name] for name in latest}
                for line in unlearnt(sums, self._names(head), head.smooth):
                    runner.logger.log(logging.WARNING, f'{whose}{line}')

    def _names(self, head: LevelSetHead) -> list[str]:
        if len(self.classes) == head.num_classes:
            return self.classes
        return [f'class {c}' for c in range(1, head.num_classes + 1)]

    def _look(self, runner: Runner) -> None:
        recall = torch.tensor([sum(self.recalls), len(self.recalls)])
        all_reduce(recall)
        self.recalls.clear()
        if recall[0] < RECALL * recall[1]:
            runner.logger.log(
                logging.WARNING,
                f'the host recognises {recall[0] / recall[1]:.0f} % of the classes that its training images '
                'show: its CAM is no guide for level sets. Start from a trained host (load_from), train '
                'it for longer (train_cfg), or look at its rate (optim_wrapper) and its labels',
            )
        self.earlier, self.latest = self.latest, []
        for head, whose in zip(self.heads, self.whose, strict=True):
            sums = head.watch.sums
            for value in sums.values():
                all_reduce(value)
            head.watch.reset()
            self.latest.append({name: value.cpu() for name, value in sums.items()})
            if not sums['pairs'].sum():
                continue
            names = self._names(head)
            if head.background == 'auto':
                levels = zip(names, head.backgrounds().tolist(), strict=True)
                text = ', '.join(f'{name} {background:.2f}' for name, background in levels)
                runner.logger.info(f"{whose}background='auto' of the level sets is now: {text}")
            if head.zero == 'auto':
                zeros = zip(names, head.zeros().tolist(), strict=True)
                text = ', '.join(f'{name} {zero:.2f}' for name, zero in zeros)
                runner.logger.info(f"{whose}zero='auto', in shares of truncate, is now: {text}")
            inside = sums['phi'] / sums['valid'].clamp_min(1)
            found = zip(names, inside.tolist(), sums['valid'].tolist(), strict=True)
            text = ', '.join(f'{name} {100 * area:.1f}' for name, area, valid in found if valid)
            if text:
                runner.logger.info(f'{whose}level sets are inside on, in % of the map: {text}')
            shares = [(n, v) for n, v in zip(names, head.shares().tolist(), strict=True) if v]
            if head.guidance == 'auto' and shares:
                text = ', '.join(f'{name} {share:.2f}' for name, share in shares)
                runner.logger.info(f"{whose}guidance='auto', shares of D, is now: {text}")
            for line in complaints(sums, names, head):
                runner.logger.log(logging.WARNING, f'{whose}{line}')


def complaints(sums: dict[str, Tensor], names: Sequence[str], head: LevelSetHead) -> list[str]:
    """What is wrong with the level sets, one sentence each, with the key to change.

    Args:
        sums (dict[str, Tensor]): (C,) each, see :class:`mmlevelset.models.watch.LevelSetWatch`.
        names (Sequence[str]): of the C foreground classes.
        head: whose settings are named; before its energy is on, phi^T has not found its place.
    """
    lines, background = [], head.background
    pairs, valid = sums['pairs'].sum(), sums['valid'].sum()
    if valid < VALID * pairs:
        lines.append(
            f'only {valid:.0f} of {pairs:.0f} CAM masks have a contour, the others are empty or full and '
            f'train nothing: change model.auxiliary_head.background (now {background!r}) towards the middle '
            'of the CAM, or train the host for longer'
        )
    else:
        lost = (sums['valid'] < VALID * sums['pairs']) & (sums['pairs'] >= FEW)
        found = [
            f'{names[c]} {sums["valid"][c]:.0f} of {sums["pairs"][c]:.0f}'
            for c in lost.nonzero().flatten().tolist()
        ]
        if found:
            lines.append(
                f'few of the CAM masks of these classes have a contour, the others train nothing: {", ".join(found)}; '
                f'train the host for longer, look at their labels, or change model.auxiliary_head.background (now '
                f'{background!r}) towards the middle of the CAM'
            )
    if not head.warmup['energy'] or not valid:
        return lines
    if head.evolution is not None and sums['moved'].sum() < IDLE * valid:
        lines.append(
            'the operator is idle, phi^T = phi^0: raise the rate of the head '
            '(optim_wrapper.paramwise_cfg.level_set.lr) or the weights of model.auxiliary_head.loss_energy'
        )
    area = sums['phi'].sum() / valid
    if head.loss_energy is not None and not COLLAPSED <= area <= 1 - COLLAPSED:
        lines.append(
            f'level sets are inside on {100 * area:.1f} % of the map: they have collapsed; lengthen the SDF '
            'warm-up (LossWarmupHook.energy in custom_hooks) or lower the weights of model.auxiliary_head.loss_energy'
        )
    ratio = sums['phi'] / sums['cam'].clamp_min(1e-12)
    inside, masks = (sums[name] / sums['valid'].clamp_min(1) for name in ('phi', 'cam'))
    # of objects that are as small, or fill as much, it says nothing
    collapsed = (inside < COLLAPSED) & (masks > 2 * COLLAPSED)
    collapsed |= (inside > 1 - COLLAPSED) & (masks < 1 - 2 * COLLAPSED)
    odd = (ratio < SHARES[0]) | (ratio > SHARES[1]) | collapsed
    for c in (odd & (sums['valid'] >= FEW)).nonzero().flatten().tolist():
        phi, cam = (100 * (sums[k][c] / sums['valid'][c]).item() for k in ('phi', 'cam'))
        word, number, verb = (
            ('vanish', 'lower', 'lower') if phi < cam else ('spread', 'higher', 'raise')
        )
        if background == 'auto':
            cure = f'give model.auxiliary_head.background a {number} number than they have'
        else:
            cure = f"{verb} model.auxiliary_head.background, or set it to 'auto'"
        if head.zero != 'auto':
            cure = f"set model.auxiliary_head.zero to 'auto', {cure}"
        lines.append(
            f'{names[c]}: level sets are inside on {phi:.1f} % of the map, the masks of its CAM on '
            f'{cam:.1f} %: they {word}; train for longer (train_cfg), or {cure}'
        )
    return lines


def unlearnt(sums: dict[str, Tensor], names: Sequence[str], smooth: float) -> list[str]:
    """The classes whose phi^0 does not follow its target, in one sentence, or none.

    Args:
        sums (dict[str, Tensor]): (C,) each, see :class:`mmlevelset.models.watch.LevelSetWatch`.
        names (Sequence[str]): of the C foreground classes.
        smooth (float): the head's setting, which is named as a cure where it is 0.
    """
    learnt = slopes(sums['moments'])
    named = (sums['valid'] >= FEW) & (learnt < FOLLOWS)
    if not named.any():
        return []
    found = ', '.join(f'{names[c]} {learnt[c]:.2f}' for c in named.nonzero().flatten().tolist())
    cure = (
        ''
        if smooth
        else ', and where the maps of the host have specks, set model.auxiliary_head.smooth to 8'
    )
    return [
        'level sets have hardly learnt the signed distances of their CAM (slope of phi^0 against them, 1 where '
        f'they are learnt): {found}; look at their seeds{cure}'
    ]
