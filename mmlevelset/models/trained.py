"""Trained networks: building them, and what must fit before weights are loaded."""

import copy
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.model import BaseModel, BaseTTAModel, is_model_wrapper, revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS

# Counters of batches, which some published files leave out, and what 'auto' counts, which checkpoints of
# constants have not: no prediction depends on the backgrounds, and without counts the contour is at 0.
OPTIONAL = (
    'num_batches_tracked',
    'auto_background.histogram',
    'auto_zero.histogram',
    'auto_guidance.moments',
)
# Option of a level-set head -> what its 'auto' counts, and what is predicted without.
FOUND = dict(
    zero=('auto_zero.histogram', 'contours lie at 0'),
    guidance=('auto_guidance.moments', 'no CAM is added to level sets'),
)


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
    known = dict(plain_tensors(given))
    words = []
    for key, value in own.items():
        if key not in known and not key.endswith(OPTIONAL):
            words.append(f'{key} is missing')
        elif key in known and known[key].shape != value.shape:
            shapes = tuple(known[key].shape), tuple(value.shape)
            words.append(f'{key} is {shapes[0]}, the model needs {shapes[1]}')
    return words


def plain_tensors(state: Mapping[str, Any]) -> list[tuple[str, torch.Tensor]]:
    """Names, without the wrapper's ``module.``, and tensors of a state_dict."""
    items = state.items() if isinstance(state, Mapping) else ()
    return [(k.removeprefix('module.'), v) for k, v in items if isinstance(v, torch.Tensor)]


def other_classes(checkpoint: Any, metainfo: Mapping[str, Any]) -> str:
    """Say that a checkpoint was trained on as many other classes as a data set has; '' where it was not.

    Classes are the same in whatever letters. Of weights without their origin nothing is known, and another number
    shows in the layers of the classes.

    Args:
        checkpoint: As it was read.
        metainfo: Of the data set.
    """
    found: Any = checkpoint
    for key in ('meta', 'dataset_meta', 'classes'):
        found = found.get(key) if isinstance(found, Mapping) else None
    trained = list(found) if isinstance(found, list | tuple) else []
    given = list(metainfo.get('classes') or ())
    if len(trained) != len(given) or _plain_names(trained) == _plain_names(given):
        return ''
    return f'was trained on the classes {trained}, and the config has {given}'


def _plain_names(names: Sequence[str]) -> list[str]:
    """Names in small letters, without blanks and what stands for them."""
    return [re.sub(r'[\s_-]', '', str(name).lower()) for name in names]


def check_tensors(model: torch.nn.Module, state: Any, checkpoint: str) -> None:
    """Refuse what a checkpoint file holds where it does not fill a model.

    Args:
        model: To be filled.
        state: Content of the file.
        checkpoint: Its name, for the errors.

    Raises:
        ValueError: Weights are missing, of another shape or not finite; names some.
    """
    state = state.get('state_dict', state) if isinstance(state, dict) else {}
    unfit = unfit_tensors(model.state_dict(), state)
    if unfit:
        raise ValueError(
            f'{checkpoint} has no weights for {len(unfit)} entries of the model, e.g. '
            f'{"; ".join(unfit[:3])}; give the config it was trained with, or convert it with '
            'tools/model_converters'
        )
    _say_what_is_found(model.state_dict(), state, checkpoint)
    tensors = {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
    broken = [key for key, value in tensors.items() if not value.isfinite().all()]
    if broken:
        raise ValueError(
            f'{checkpoint}: {len(broken)} of {len(tensors)} tensors are not finite, e.g. {broken[0]}, so '
            'its predictions mean nothing; give an older checkpoint of the training, or train again'
        )


def _say_what_is_found(
    own: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor], checkpoint: str
) -> None:
    """Warn where a config and a checkpoint disagree on what a training finds for the level sets."""
    if not any(key.endswith('initialiser.norm.weight') for key in own):
        return  # no level sets
    for option, (buffer, instead) in FOUND.items():
        asked, there = (any(key.endswith(buffer) for key in keys) for keys in (own, given))
        if asked == there:
            continue
        text = (
            f"the config says {option}='auto', and the checkpoint has found nothing: {instead}"
            if asked
            else f"the checkpoint was trained with {option}='auto', and the config says a number, which holds"
        )
        print_log(f'{checkpoint}: {text}', logger='current', level=logging.WARNING)


def checked_device(device: str | torch.device) -> torch.device:
    """The device of a name that a user gives.

    Raises:
        ValueError: There is no such device, or not on this machine.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        gpus = torch.cuda.device_count()
        there = ', '.join(['cpu', *(f'cuda:{i}' for i in range(gpus))])
        reason = str(error).splitlines()[0]
        raise ValueError(
            f'device={str(device)!r} cannot be used here ({reason}); expected one of this machine: {there}'
        ) from error
    return found


def load_trained(
    cfg: Config, checkpoint: str, device: str | torch.device = 'cpu'
) -> tuple[BaseModel, dict[str, Any]]:
    """Build the network of a config and load its weights, ready for inference.

    Args:
        cfg: Config that it was trained with; stays as it is.
        checkpoint: File or address.
        device: Where to put it.

    Returns:
        tuple: the network, and the content of the checkpoint.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: Weights are missing, of another shape or not finite; names some. Or there is no
            such device.
    """
    device = checked_device(device)
    state = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    network = copy.deepcopy(cfg.model)
    backbone = network.get('module', network).get('backbone', {})  # of the model below a TTA model
    if backbone.get('frozen_cache'):
        backbone.frozen_cache = None  # every image is seen once
    model = revert_sync_batchnorm(MODELS.build(network))
    check_tensors(bare_model(model), state, checkpoint)
    bare_model(model).load_state_dict(
        dict(plain_tensors(state.get('state_dict', state))), strict=False
    )
    return model.to(device).eval(), state
