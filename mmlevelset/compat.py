"""Work-arounds for the mm* stack: one function each, its public thread, and when to remove it.

The command lines call :func:`setup` before a config is read, and again with the config before a
Runner is built.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from mmlevelset import stack  # noqa: F401  isort: skip  before mmengine: it must be there, and quiet

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.fileio import LocalBackend, file_client, register_backend
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, checkpoint
from mmengine.utils import digit_version, is_installed
from mmseg.apis import MMSegInferencer

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.checkpoints import load_checkpoint_file
from mmlevelset.installation import find_config


def setup(cfg: Config | None = None) -> None:
    """Apply every work-around; calling it again changes nothing.

    Args:
        cfg (Config, optional): Where given, the process group that its ``launcher`` asks for is
            made ready and ``cfg`` is changed in place to run on this machine.

    Raises:
        ValueError: The launcher cannot run here.
    """
    allow_mmengine_checkpoints()
    name_mmseg_package()
    find_own_bases()
    quieten_file_client()
    if cfg is None:
        return
    launcher = cfg.get('launcher', 'none')
    if launcher == 'pytorch':
        end_with_parent()
    if not torch.cuda.is_available():
        init_cpu_group(launcher, cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout'))
        unset_cpu_device_ids(cfg)


def _history_statistic(owner: Any, name: str) -> Any:
    """Stand-in for the ``getattr`` in checkpoints: finds only what a ``HistoryBuffer`` pickles."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise UnpicklingError(
            f'the checkpoint asks for attribute {name!r} of {owner!r}, and only the statistics of '
            'HistoryBuffer are allowed. If you trust the file, save its state_dict alone.'
        )
    return getattr(owner, name)


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)`` read mmengine's checkpoints, and let no code run.

    Upstream 0.10.7 cannot resume on torch >= 2.6 (open-mmlab/mmengine#1655). The onedl fork can,
    but allows all of ``getattr``, removes the entries of others after each load, and reads a
    refused file again with ``weights_only=False``, which runs its code. Before torch 2.6 a load
    can run code: there, load only files you trust.

    Remove when: mmengine registers exactly these globals and never falls back.
    """
    if digit_version(torch.__version__) < digit_version('2.6.0'):
        return
    # numpy 2 renamed numpy.core to numpy._core; files written under either load under both.
    core = getattr(np, '_core', None) or np.core
    functions = (core.multiarray._reconstruct, core.multiarray.scalar)
    dtypes = ('bool', *np.typecodes['AllInteger'], *np.typecodes['Float'])
    torch.serialization.add_safe_globals(
        [HistoryBuffer, (_history_statistic, 'builtins.getattr'), np.ndarray, np.dtype]
        + [type(np.dtype(dtype)) for dtype in dtypes]
        + [
            (function, f'numpy.{module}.multiarray.{function.__name__}')
            for function in functions
            for module in ('core', '_core')
        ]
    )
    if hasattr(checkpoint, 'get_torch_safe_globals'):
        checkpoint.get_torch_safe_globals = list
    os.environ.setdefault('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Read local checkpoints by our reader wherever mmengine loads one: resumed, tested, ``init_cfg``.

    Its own passes on what the parsers below ``torch.load`` raise, which names no file, and takes a
    file with flipped bits for other weights.

    Remove when: mmengine checks the files and names them.
    """
    allow_mmengine_checkpoints()  # of a training, in a program that never called setup
    return load_checkpoint_file(filename, map_location)


@register_backend('local', prefixes='', force=True)
class AtomicBackend(LocalBackend):
    """Files that mmengine writes, checkpoints above all, are complete or not there.

    Its own backend leaves a checkpoint cut short where the disk is full, and names no file.

    Remove when: mmengine writes checkpoints to a temporary name first.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file."""
        with atomic_path(filepath) as temporary:
            temporary.write_bytes(obj)


def keep_our_reader(theirs: Callable[[MMSegInferencer, Config], Compose]) -> Callable:
    """Let ``MMSegInferencer`` run a test pipeline of ours as it is, because our reader takes arrays, too.

    Its own ``_init_pipeline`` looks for mmsegmentation's ``LoadImageFromFile`` by name, to put a
    reader in its place, and refuses every other.

    Remove when: it takes readers of other names.
    """

    def init_pipeline(self: MMSegInferencer, cfg: Config) -> Compose:
        steps = cfg.test_dataloader.dataset.pipeline
        if steps[0]['type'] != 'mmlevelset.CheckedLoadImage':
            return theirs(self, cfg)
        return Compose([step for step in steps if not step['type'].endswith('LoadAnnotations')])

    return init_pipeline


MMSegInferencer._init_pipeline = keep_our_reader(MMSegInferencer._init_pipeline)


def name_mmseg_package() -> None:
    """Let ``mmseg::path/of/config.py`` be found where mmseg comes from the fork.

    mmengine translates the module to a hard-coded distribution name (open-mmlab/mmengine#1410),
    ``mmsegmentation``, and the fork's is ``onedl-mmsegmentation``. With the module's own name
    mmengine finds the folder through ``importlib``.

    Remove when: the fork of mmengine knows the fork of mmsegmentation.
    """
    if not is_installed('mmsegmentation'):
        MODULE2PACKAGE['mmseg'] = 'mmseg'


def find_own_bases() -> None:
    """Let a config of the user inherit ours: ``_base_ = 'mmlevelset::seed/cam/resnet50_voc12.py'``.

    mmengine knows a fixed list of packages (``MODULE2PACKAGE``), looks below ``.mim``, which an
    editable installation has not, and gives the types of such a base the scope of its package,
    which would hide mmsegmentation's. Our configs name the scopes themselves.

    Remove when: mmengine takes packages that are not on its list.
    """
    original = Config._get_cfg_path
    if getattr(original, 'finds_ours', False):
        return

    def find(cfg_path: str, filename: str) -> tuple[str, str | None]:
        package, colons, name = cfg_path.partition('::')
        if colons and package == 'mmlevelset':
            return str(_inherited(name, filename)), None
        return original(cfg_path, filename)

    find.finds_ours = True  # type: ignore[attr-defined]
    Config._get_cfg_path = staticmethod(find)


def quieten_file_client() -> None:
    """Keep two warnings out of every training's log, of classes that mmengine itself calls.

    Its ``CheckpointHook`` makes a ``FileClient``, which warns that it will be removed. All that this
    module of mmengine prints are such warnings.

    Remove when: ``CheckpointHook`` uses ``mmengine.fileio.get_file_backend`` alone.
    """
    file_client.print_log = lambda *args, **kwargs: None


def _inherited(name: str, by: str) -> Path:
    """One of our configs that a file of the user inherits."""
    try:
        return find_config(f'mmlevelset::{name}')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{by} inherits: {error}') from error


def end_with_parent() -> None:
    """Let the kernel end this process when torchrun, its parent, ends in whatever way.

    A killed torchrun leaves its processes training on, into a folder where the same command begins
    again (pytorch/pytorch has no such link; Linux only).

    Remove when: torchrun's processes end with it.
    """
    if sys.platform == 'linux':
        set_death_signal = 1  # PR_SET_PDEATHSIG of linux/prctl.h
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def init_cpu_group(launcher: str, timeout: float | None = None) -> None:
    """Start a gloo group before the Runner does, whose ``init_dist`` always asks for a GPU.

    The call is ``torch.cuda.set_device(LOCAL_RANK)`` in mmengine/dist/utils.py, unconditional
    (see open-mmlab/mmengine#973); the Runner skips it where a group exists.

    Args:
        launcher (str): ``none`` or ``pytorch``; the others need GPUs.
        timeout (float, optional): Seconds after which processes give up waiting for another;
            default: torch's 30 minutes.

    Raises:
        ValueError: Another launcher, or no torchrun around this process.

    Remove when: mmengine picks the backend by the device.
    """
    if launcher == 'none' or torch.distributed.is_initialized():
        return
    if launcher != 'pytorch':
        raise ValueError(
            f'launcher {launcher!r} needs a CUDA device and this machine has none; '
            'on CPUs use tools/dist_train.sh (torchrun, --launcher pytorch).'
        )
    if 'RANK' not in os.environ:
        raise ValueError(
            '--launcher pytorch found no RANK in the environment; '
            'start it with torchrun, as tools/dist_train.sh does.'
        )
    wait = None if timeout is None else timedelta(seconds=timeout)
    torch.distributed.init_process_group('gloo', timeout=wait)


def unset_cpu_device_ids(cfg: Config) -> None:
    """Wrap the model without ``device_ids``, which torch refuses for a module on the CPU.

    ``Runner.wrap_model`` passes ``[LOCAL_RANK]`` (open-mmlab/mmengine#973) unless the wrapper's
    own config has the key.

    Args:
        cfg (Config): Its ``model_wrapper_cfg`` gets what the Runner would have passed, less that.

    Remove when: mmengine passes ``device_ids`` for GPUs only.
    """
    if cfg.get('launcher', 'none') == 'none':
        return
    wrapper = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = {**wrapper, **(cfg.get('model_wrapper_cfg') or {})}


def enable_amp(cfg: Config) -> None:
    """Turn on automatic mixed precision, or say why it cannot be.

    mmengine's ``AmpOptimWrapper`` fails on a CPU by a bare assert (open-mmlab/mmpretrain#1556).

    Args:
        cfg (Config): Its ``optim_wrapper`` is changed in place.

    Raises:
        ValueError: No CUDA device, or an optimiser wrapper of another kind.
    """
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ValueError(f'--amp replaces an OptimWrapper, got {kind!r}; train without --amp.')
    if not torch.cuda.is_available():
        raise ValueError('--amp needs a CUDA device, this machine has none; train without --amp.')
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')


def swaps_channels(preprocessor: torch.nn.Module) -> bool:
    """Whether a data preprocessor turns BGR into RGB; the attribute has another name in the fork.

    Args:
        preprocessor (Module): mmsegmentation's, or one that derives from it.

    Remove when: both call it the same.
    """
    names = ('channel_conversion', '_channel_conversion')
    return any(getattr(preprocessor, name, False) for name in names)
