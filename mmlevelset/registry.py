"""Child registries, so that configs name our classes ``mmlevelset.X`` without ``custom_imports``.

mmengine imports ``<scope>.registry`` when it meets a type with an unknown scope, and then the
``locations`` below.
"""

# Before mmengine: the stack must be there, and checkpoints be read by our reader in every program.
from mmlevelset import compat  # noqa: F401  isort: skip

from mmengine import registry as root
from mmengine.registry import Registry


def _child(parent: Registry, location: str) -> Registry:
    return Registry(
        parent.name, parent=parent, scope='mmlevelset', locations=[f'mmlevelset.{location}']
    )


MODELS = _child(root.MODELS, 'models')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'models')
DATASETS = _child(root.DATASETS, 'datasets')
TRANSFORMS = _child(root.TRANSFORMS, 'datasets')
METRICS = _child(root.METRICS, 'evaluation')
LOOPS = _child(root.LOOPS, 'engine')
HOOKS = _child(root.HOOKS, 'engine')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
# Ours alone: mmengine has no such thing.
REFINERS = Registry('refiner', scope='mmlevelset', locations=['mmlevelset.refine'])
