"""What must hold before a checkpoint is loaded or resumed."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel, BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner

from mmlevelset.engine.resume_schedule import fit_position, fit_schedule
from mmlevelset.registry import HOOKS


@HOOKS.register_module()
class LoadGuardHook(Hook):
    """Check a loaded checkpoint against the model and, for a resumed training, the schedule.

    It also drops the config that mmengine stores in a checkpoint as Python text and runs when the
    training is resumed: nothing in a checkpoint is ever executed.

    Raises:
        ValueError: The checkpoint is of another model, of no training, or past the schedule's end.
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check and mend ``checkpoint`` before the Runner uses it."""
        name = runner._load_from or 'the checkpoint'
        if isinstance(checkpoint.get('meta'), dict):
            checkpoint['meta'].pop('config', None)
        state = checkpoint.get('state_dict', checkpoint)
        own = bare_model(runner.model).state_dict()
        if runner._resume:
            missing = [
                key
                for key in ('meta', 'message_hub', 'state_dict', 'optimizer')
                if not isinstance(checkpoint.get(key), Mapping)
            ]
            if missing:
                raise ValueError(
                    f'{name} is no checkpoint of a training, it lacks {", ".join(missing)}; to start '
                    'from its weights, set load_from to it and leave out --resume'
                )
            unfit = unfit_tensors(own, state)
            if unfit:
                raise ValueError(
                    f'{name} is of another model: {len(unfit)} tensors do not fit, e.g. '
                    f'{"; ".join(unfit[:3])}. Resume with the config that the training began with.'
                )
            change = fit_position(runner, checkpoint, name)
            fit_schedule(runner, checkpoint, name, change)
        elif not any(key in own and own[key].shape == value.shape for key, value in _plain(state)):
            raise ValueError(
                f'{name} has no tensor of the model, which has e.g. {next(iter(own), "none")}; convert '
                'it with tools/model_converters, or give it to the part of the model that it is for '
                "(init_cfg=dict(type='Pretrained', checkpoint=…))"
            )


# Counters of batches, which some published files leave out, and what 'auto' counts, which checkpoints of
# constants have not: no prediction depends on the backgrounds, and without counts the contour is at 0.
OPTIONAL = ('num_batches_tracked', 'auto_background.histogram', 'auto_zero.histogram')


def bare_model(model: torch.nn.Module) -> BaseModel:
    """The model inside the wrappers of distributed training and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model


def unfit_tensors(own: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> list[str]:
    """Tensors of a model that a checkpoint lacks or has in another shape, each in a few words.

    Args:
        own: ``state_dict`` of the model.
        given: ``state_dict`` of the checkpoint.
    """
    known = dict(_plain(given))
    words = []
    for key, value in own.items():
        if key not in known and not key.endswith(OPTIONAL):
            words.append(f'{key} is missing')
        elif key in known and known[key].shape != value.shape:
            shapes = tuple(known[key].shape), tuple(value.shape)
            words.append(f'{key} is {shapes[0]}, the model needs {shapes[1]}')
    return words


def _plain(state: Mapping[str, Any]) -> list[tuple[str, torch.Tensor]]:
    """Names, without the wrapper's ``module.``, and tensors of a state_dict."""
    items = state.items() if isinstance(state, Mapping) else ()
    return [(k.removeprefix('module.'), v) for k, v in items if isinstance(v, torch.Tensor)]
