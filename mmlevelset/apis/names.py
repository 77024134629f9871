"""Options that nothing reads: a misspelt one is found before anything is built, wherever it stands."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from inspect import Parameter, isclass, signature
from typing import Any

from mmengine import registry as root
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.registry import Registry
from mmengine.runner import LogProcessor, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmlevelset.registry import REFINERS

KINDS = [REFINERS, *(kind for kind in vars(root).values() if isinstance(kind, Registry))]
OWN = 'mmlevelset'  # our scope
# What mmengine takes out of a config before it builds anything from it.
TAKEN_OUT = ('type', '_scope_', 'priority', 'constructor', 'paramwise_cfg', 'convert_to_iter_based')
# Entries without a `type`, and what reads them.
READERS: dict[str, Callable] = {
    'randomness': Runner.set_randomness,
    'log_processor': LogProcessor,
    'train_dataloader': DataLoader,
    'val_dataloader': DataLoader,
    'test_dataloader': DataLoader,
}
# The same, where only the names are known: of Runner.setup_env, of mmengine's and our constructors of
# optimisers, of mmsegmentation's and our segmentors.
FREE = {
    'env_cfg': ['cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'],
    'optim_wrapper.paramwise_cfg': [
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult',
        'dwconv_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate', 'level_set', 'level_set_max_norm',
        'num_layers', 'decay_rate', 'layer_decay_rate', 'decay_type',
    ],
    'model.test_cfg': ['mode', 'crop_size', 'stride', 'seeds'],
}  # fmt: skip
CUSTOM_KEYS = 'optim_wrapper.paramwise_cfg.custom_keys.'  # before the name of a parameter
# Entries of a config that no Runner reads, and ours do.
OURS = ('refiner', 'refiners', 'tta_model')
# Hooks that every Runner has.
HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


def check_names(cfg: Config) -> None:
    """Refuse a config with an option that its class does not take.

    A class that hands on what it does not know is followed to its parents. Where they hand it on,
    too, only what looks like one of their options is refused.

    Args:
        cfg (Config): Of a training, a test or a refinement.

    Raises:
        ValueError: Names the option by its keys, and those that there are.
    """
    # Other entries are variables of the file.
    entries = {key: cfg[key] for key in (*signature(Runner).parameters, *OURS) if key in cfg}
    scope, file = cfg.get('default_scope', 'mmengine'), cfg.filename or 'the config'
    for name, node in _nodes('', Config(entries).to_dict()):
        kind = node.get('type')
        kinds = _find(kind, scope) if kind else []
        if kind and not kinds:
            if meant := _meant(kind, scope):
                raise ValueError(
                    f'{file}: {name}.type={kind!r} is not known; did you mean {meant!r}?'
                )
        owner, known, closed = _reader(name, node, kinds)
        for key in sorted(set(node) - {*known, *TAKEN_OUT}):
            near = _near(key, known)
            if near or closed:
                means = f'did you mean {near[0]!r}? Of all, ' if near else ''
                raise ValueError(
                    f'{file}: {name}.{key}={node[key]!r}, but {owner} has no {key!r}; {means}it takes '
                    f'{", ".join(sorted(known))}.'
                )


def _near(word: str, known: Iterable[str]) -> list[str]:
    """The known name that looks most like a word, whatever its capital letters; or none."""
    lower = {name.lower(): name for name in known}
    return [lower[near] for near in get_close_matches(str(word).lower(), lower, n=1, cutoff=0.75)]


def _nodes(name: str, node: Any) -> Iterator[tuple[str, dict]]:
    """Every dict of a config, under the keys that lead to it."""
    if isinstance(node, dict):
        yield name, node
        for key, value in node.items():
            yield from _nodes(f'{name}.{key}' if name else str(key), value)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _nodes(f'{name}.{index}', value)


def _reader(name: str, node: dict, kinds: Sequence[Callable]) -> tuple[str, set[str], bool]:
    """What reads a dict: its name, the options that it takes, and whether it takes no other."""
    if name in FREE:
        return name, set(FREE[name]), False
    if name.startswith(CUSTOM_KEYS):
        return name, {'lr_mult', 'decay_mult'}, False
    if name == 'default_hooks':
        typed = [key for key, hook in node.items() if hook is None or 'type' in hook]
        return name, {*HOOKS, *typed}, True
    if not kinds and name in READERS:
        kinds = [READERS[name]]
    if len(kinds) != 1:
        return name, set(), False
    known, closed = _options(kinds[0])
    # A Runner takes out what it reads itself; makers of layers and of initial weights do so, too.
    known |= {'dataset', 'num_batch_per_epoch'} if name.endswith('_dataloader') else set()
    return kinds[0].__qualname__, known, closed and not (name.endswith('_cfg') and '.' in name)


def _registries(kind: str, scope: str) -> Iterator[Registry]:
    """Where mmengine looks for a ``type``: those of its scope, and mmengine's own."""
    try:
        scope = kind.rpartition('.')[0] or scope
        import_module(f'{scope}.registry')
    except ImportError:  # the path of a class
        return
    for registry in KINDS:
        for one in (registry.children.get(scope), registry):
            if one is not None:
                one.import_from_location()
                yield one


def _meant(kind: str, scope: str) -> str:
    """The registered class that a misspelt ``type`` may mean, one of ours without its prefix, say; or ''."""
    prefix, dot, word = kind.rpartition('.')
    known = {name for registry in _registries(kind, scope) for name in registry.module_dict}
    if not known:  # the path of a class
        return ''
    ours = {name for one in KINDS for name in getattr(one.children.get(OWN), 'module_dict', ())}
    if not prefix and word in ours:
        return f'{OWN}.{word}'
    if near := _near(word, known):
        return f'{prefix}{dot}{near[0]}'
    near = _near(word, ours)
    return f'{OWN}.{near[0]}' if near else ''


def _find(kind: Any, scope: str) -> list[Callable]:
    """The classes or functions that a ``type`` of a config may mean; none if it is not known."""
    if not isinstance(kind, str):
        return [kind]
    name = kind.rpartition('.')[2]
    found: dict[str, Callable] = {}
    for registry in _registries(kind, scope):
        if name in registry.module_dict:
            found.setdefault(registry.name, registry.module_dict[name])
    return list(dict.fromkeys(found.values()))


def _options(kind: Callable) -> tuple[set[str], bool]:
    """Names of the arguments that a class or function takes, and whether it refuses all others."""
    makers = [kind]
    if isclass(kind):
        own = [base for base in kind.__mro__ if base not in (object, nn.Module)]
        makers = [vars(base)['__init__'] for base in own if '__init__' in vars(base)]
    if kind is CheckpointHook:  # which hands on what it does not know when it saves
        makers.append(Runner.save_checkpoint)
    names: set[str] = set()
    for maker in makers:
        arguments = signature(maker).parameters.values()
        names |= {a.name for a in arguments if a.kind is not Parameter.VAR_KEYWORD} - {'self'}
        if all(a.kind is not Parameter.VAR_KEYWORD for a in arguments):
            return names, maker is makers[0] or kind is CheckpointHook
    return names, False
