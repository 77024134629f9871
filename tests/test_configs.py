"""Every config loads, its parts can be built, and the paths and keys it names exist."""

import inspect
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import (
    HOOKS,
    METRICS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    WEIGHT_INITIALIZERS,
    init_default_scope,
)
from mmseg.registry import DATASETS, MODELS
from torch import nn

from mmlevelset.apis.names import check_names
from mmlevelset.config import read_config
from mmlevelset.models import LevelSetHead
from mmlevelset.pipeline import Pipeline, expand
from mmlevelset.registry import REFINERS

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
PIPELINES = sorted(CONFIGS.glob('pipeline/*.py'))
REFINE = sorted(CONFIGS.glob('refine/*.py'))  # see tests/refine/test_configs.py
LEAVES = sorted(set(CONFIGS.glob('[!_]*/**/*.py')) - set(PIPELINES) - set(REFINE))
LEVEL_SETS = [path for path in LEAVES if '_levelset_' in path.name and 'seed' in path.parts]
# Their drop-path rates are read off a tensor, which has no values on the meta device.
NOT_ON_META = ('MixVisionTransformer', 'SwinTransformer')


def name(path: Path) -> str:
    return str(path.relative_to(CONFIGS))


def build(model: Config) -> nn.Module:
    """Build without initialisation, so that nothing is downloaded, and without memory."""
    with torch.device('cpu' if model.backbone.type in NOT_ON_META else 'meta'):
        return MODELS.build(model)


def as_list(entry: dict | list) -> list:
    return entry if isinstance(entry, list) else [entry]


def test_the_lists_are_complete() -> None:
    folders = {path.relative_to(CONFIGS).parts[0] for path in CONFIGS.rglob('*.py')}
    assert folders - {'_base_', 'pipeline', 'refine'} == {
        name(path).split('/')[0] for path in LEAVES
    }
    assert LEVEL_SETS and PIPELINES


@pytest.mark.parametrize('path', LEAVES, ids=name)
def test_leaf(path: Path) -> None:
    cfg = read_config(str(path))
    init_default_scope(cfg.default_scope)
    check_names(cfg)

    model = build(cfg.model)
    heads = [module for module in model.modules() if isinstance(module, LevelSetHead)]
    with_level_set = 'seed/ablation' in name(path) or '_levelset_' in path.name
    assert len(heads) == with_level_set
    if 'tta_model' in cfg:
        cfg.tta_model.module = model
        tta = MODELS.build(cfg.tta_model)
        assert tta.module is model
        # Source, background and normalisation of the seeds are the same without --tta.
        assert getattr(tta, 'recipe', None) == getattr(model, 'recipe', None)

    for split in ('train', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        classes = DATASETS.build(dict(dataset, lazy_init=True)).metainfo['classes']
        # Heads of labels count the background, CAM and level-set heads do not.
        decode_head = as_list(cfg.model.decode_head)[-1]
        foreground_only = hasattr(MODELS.get(decode_head.type), 'activation')
        assert decode_head.num_classes == len(classes) - foreground_only
        assert all(head.num_classes == len(classes) - 1 for head in heads)
    if 'tta_pipeline' in cfg:
        Compose(cfg.tta_pipeline)

    hooks = [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]
    assert all(HOOKS.build(hook) for hook in hooks)
    assert all(METRICS.build(metric) for metric in as_list(cfg.test_evaluator))
    assert OPTIM_WRAPPERS.get(cfg.optim_wrapper.type)
    assert OPTIMIZERS.get(cfg.optim_wrapper.optimizer.type)
    assert all(PARAM_SCHEDULERS.get(schedule.type) for schedule in cfg.param_scheduler)


HEAD_OPTIMIZER = dict(type='AdamW', lr=4e-3, weight_decay=0.01)


@pytest.mark.parametrize('path', LEVEL_SETS, ids=name)
def test_level_set_is_an_edit_of_the_baseline(path: Path) -> None:
    ours = read_config(str(path)).to_dict()
    # The printed energy alone has the baseline of the default one.
    baseline = read_config(
        re.sub('_paper.py$', '.py', str(path).replace('_levelset_', '_'))
    ).to_dict()
    assert ours['model'].pop('auxiliary_head')['type'] == 'mmlevelset.LevelSetHead'
    # The host learns as before; the head brings the settings of its own optimiser.
    optim = ours['optim_wrapper']
    assert optim.pop('constructor') == 'mmlevelset.LevelSetOptimWrapperConstructor'
    assert optim['paramwise_cfg'].pop('level_set') == HEAD_OPTIMIZER
    assert optim['paramwise_cfg'].pop('level_set_max_norm') == 1
    if not optim['paramwise_cfg']:
        baseline['optim_wrapper'].setdefault('paramwise_cfg', {})
    assert optim == baseline['optim_wrapper']
    differing = {key for key in {*ours, *baseline} if ours.get(key) != baseline.get(key)}
    # level_set and level_set_optim are the variables that the leaf inserts
    allowed = {'custom_hooks', 'tta_model', 'test_evaluator', 'level_set', 'level_set_optim'}
    allowed |= {'paper_losses', 'paper_energy'}
    assert 'level_set' in differing and differing <= allowed


@pytest.mark.parametrize('path', LEVEL_SETS, ids=name)
def test_guides_with_specks_are_blurred(path: Path) -> None:
    """What SEAM and MuSCLe return, on photographs of VOC 2012 and voc20; the paper blurs nothing."""
    specks = path.parent.name in ('seam', 'muscle') and '_voc8' not in path.name
    expected = 8.0 if specks and '_paper' not in path.name else 0.0
    assert read_config(str(path)).model.auxiliary_head.get('smooth', 0.0) == expected


def has_key(cfg: dict | list, key: str) -> bool:
    """Whether an option is there to be set; ``merge_from_dict`` would silently add a misspelt one."""
    *parents, last = key.split('.')
    for part in parents:
        if isinstance(cfg, list | tuple):
            cfg = cfg[int(part)]
        elif part in cfg:
            cfg = cfg[part]
        else:  # perhaps a loss that the config leaves out, built by naming its class
            missing = part == parents[-1] and part.startswith('loss_') and last == 'type'
            return missing and part in arguments(cfg.get('type'))
    return last in cfg or last in arguments(cfg.get('type'))


def arguments(kind: str | None) -> list[str]:
    """Names of the arguments of a registered class, which a config need not list."""
    registries = (METRICS, MODELS, DATASETS, REFINERS, WEIGHT_INITIALIZERS)
    found = [r.get(kind) for r in registries if kind]
    return [name for cls in found if cls for name in inspect.signature(cls).parameters]


@pytest.mark.parametrize('path', PIPELINES, ids=name)
def test_pipeline(path: Path) -> None:
    pipeline = Pipeline(expand(read_config(str(path)).to_dict()), ROOT)
    names = [stage.name for stage in pipeline.stages]
    assert len(set(names)) == len(names)
    for number, stage in enumerate(pipeline.stages):
        assert set(stage.needs) <= set(names[:number])
        for command in stage.command.split(' && '):
            check_command(command, stage.done)


@cache
def read_once(path: str) -> Config:
    """A config that is only looked at; many stages share one."""
    return read_config(str(ROOT / path))


def check_command(command: str, done: str | None) -> None:
    words = shlex.split(command)
    paths = [word for word in words if word.startswith(('tools/', 'configs/'))]
    assert paths and all((ROOT / path).is_file() for path in paths)
    configs = [path for path in paths if path.startswith('configs/')]
    if not configs:
        return
    cfg = read_once(*configs)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    options = words[words.index('--cfg-options') + 1 :] if '--cfg-options' in words else []
    for option in options:
        # the end of a $(command), and pairs that a user may add
        if '=' in option:
            assert has_key(cfg, option.split('=')[0]), option
    # The checkpoint at the end of the training is the one waited for, and the one tested.
    if 'tools/train.py' in words:
        assert Path(done).name in ('last_checkpoint', last_checkpoint(cfg))
    elif 'tools/test.py' in words:
        tested = words[words.index('tools/test.py') + 2]
        assert tested.endswith('/$(basename') or Path(tested).name == last_checkpoint(cfg)


def last_checkpoint(cfg: Config) -> str:
    """Name of the checkpoint that a training ends with."""
    loop = cfg.train_cfg
    return f'epoch_{loop.max_epochs}.pth' if 'max_epochs' in loop else f'iter_{loop.max_iters}.pth'


@pytest.mark.parametrize('path', PIPELINES, ids=name)
def test_pipeline_results_are_written_by_a_stage(path: Path) -> None:
    cfg = expand(read_config(str(path)).to_dict())
    done = {stage.get('done') for stage in cfg['stages']}
    for row in cfg.get('table', []):
        assert set(as_list(row['metrics'])) <= done, row
    assert cfg.get('picture') is None or cfg['picture'] in done


def test_misspelt_key_is_noticed() -> None:
    init_default_scope('mmseg')
    cfg = dict(a=dict(b=[dict(c=1)]), metric=dict(type='mmlevelset.SeedMetric'))
    assert has_key(cfg, 'a.b.0.c') and has_key(cfg, 'metric.threshold')
    head = dict(head=dict(type='mmlevelset.LevelSetHead'))
    assert has_key(head, 'head.loss_cam.type')
    wrong = ('loss_cams.type', 'loss_cam.a.type', 'loss_cam.a', 'smooth.type')
    assert not any(has_key(head, f'head.{key}') for key in wrong)
    assert not any(has_key(cfg, key) for key in ('a.c', 'a.b.0.d', 'c.a', 'metric.treshold'))
