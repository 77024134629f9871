"""What turns a declaration of ``configs/pipeline`` into stages and a table: one function per recipe.

A declaration holds ``work_dir``, ``recipe``, the name of a function below, and its arguments. Every recipe
takes ``gpus``, ``nodes`` and ``partition`` as well, see :class:`~.launch.Launch`.
"""

import inspect
from collections.abc import Callable
from typing import Any

from .launch import Launch
from .one_run import one_run
from .own_data import own_data
from .random_seeds import random_seeds
from .refiners import refiners
from .three_stages import three_stages

RECIPES: dict[str, Callable[..., dict[str, Any]]] = {
    recipe.__name__: recipe for recipe in (one_run, own_data, random_seeds, refiners, three_stages)
}


def expand(cfg: dict[str, Any]) -> dict[str, Any]:
    """Add the stages and the table that a declaration stands for.

    Args:
        cfg (dict): A pipeline config; one without ``recipe``, which lists its own stages, is returned as
            it is.

    Returns:
        dict: ``work_dir``, ``stages``, ``table`` and perhaps ``picture``, as
        :class:`~mmlevelset.pipeline.scheduler.Pipeline` and
        :func:`~mmlevelset.pipeline.tables.summarise` take them.

    Raises:
        ValueError: An unknown recipe, an argument that it does not know or lacks, or a batch size that
            the processes cannot share.
    """
    if 'recipe' not in cfg:
        return cfg
    if cfg['recipe'] not in RECIPES:
        raise ValueError(f'recipe must be one of {", ".join(RECIPES)}, got {cfg["recipe"]!r}')
    build = RECIPES[cfg['recipe']]
    given = {key: value for key, value in cfg.items() if key not in ('recipe', 'work_dir')}
    launch = Launch(**{key: given.pop(key) for key in Launch._fields if key in given}).checked()
    known = dict(inspect.signature(build).parameters)
    known.pop('launch')
    unknown = [key for key in given if key not in known]
    missing = [
        key
        for key, one in known.items()
        if one.default is inspect.Parameter.empty and key not in given
    ]
    if unknown or missing:
        raise ValueError(
            f'the recipe {cfg["recipe"]} does not know {unknown} and lacks {missing}; it takes '
            f'{", ".join([*known, *Launch._fields])}'
        )
    return {'work_dir': cfg.get('work_dir'), **build(launch=launch, **given)}
