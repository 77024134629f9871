"""compat.py, and tools/train.py and tools/test.py with a toy model."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer, MMLogger
from mmengine.runner import CheckpointLoader, load_checkpoint

from mmlevelset import compat, stack
from mmlevelset.apis import leave_processes, set_seed_folder, set_show_folder, set_tta

ROOT = Path(__file__).resolve().parents[1]


def call(*command: str, fails: bool = False, **variables: str) -> str:
    env = environment(**variables)
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    output = result.stdout + result.stderr
    assert (result.returncode != 0) == fails, output
    return output


def free_port() -> str:
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return str(sock.getsockname()[1])


WITHOUT_MM = """
import importlib.util
import sys

absent = ('mmengine', 'mmcv', 'mmseg')
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name in absent else find(name, *a)


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in absent:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)


sys.meta_path.insert(0, Blocker())
"""


@pytest.mark.slow
def test_without_the_mm_stack() -> None:
    code = f"""{WITHOUT_MM}
import mmlevelset.levelset

sys.argv = ['train.py', 'any.py']
for run in (
    'import mmlevelset.registry',
    'import mmlevelset.compat',
    'import mmlevelset.apis',
    'import runpy; runpy.run_path("{ROOT}/tools/train.py", run_name="__main__")',
):
    try:
        exec(run)
    except ImportError as error:
        assert 'mmlevelset needs mmengine, mmcv, mmseg, missing' in str(error), (run, error)
        assert 'pip install -e ".[onedl]"' in str(error)
        assert 'pip install -e ".[openmmlab]"' in str(error)
    else:
        raise AssertionError(run)
"""
    call(sys.executable, '-c', code)


def test_train_resume_test(toy: Path, tool: Callable[..., None]) -> None:
    tool('train.py', 'toy.py')
    first = torch.load(toy / 'work_dirs/toy/iter_4.pth', weights_only=True)
    assert first['message_hub']['runtime_info']['iter'] == 3
    assert first['message_hub']['log_scalars']['train/loss'].statistics('mean') > 0
    tool('train.py', 'toy.py', '--resume', '--cfg-options', 'train_cfg.max_iters=6')
    resumed = torch.load(toy / 'work_dirs/toy/iter_6.pth', weights_only=True)
    # Six losses in the history: the four of the first run came back.
    assert len(resumed['message_hub']['log_scalars']['train/loss'].data[0]) == 6
    tool('test.py', 'toy.py', 'work_dirs/toy/iter_6.pth')
    metrics = json.loads((toy / 'work_dirs/toy/metrics.json').read_text())
    line = resumed['state_dict']
    inputs = torch.arange(8.0)
    output = line['layer.weight'].item() * inputs + line['layer.bias']
    assert metrics['error'] == pytest.approx((output - 2 * inputs).abs().mean().item(), rel=1e-5)
    assert metrics['config'] == 'toy.py' and metrics['checkpoint'] == 'work_dirs/toy/iter_6.pth'
    assert metrics['versions']['torch'] == torch.__version__


@pytest.mark.slow
def test_two_cpu_processes(toy: Path, tool: Callable[..., None]) -> None:
    script = str(ROOT / 'tools/dist_train.sh')
    output = call(script, 'toy.py', '2', '--work-dir', 'two', PORT=free_port())
    tool('train.py', 'toy.py', '--work-dir=one', '--cfg-options', 'train_dataloader.batch_size=4')
    two, one = (torch.load(toy / name / 'iter_4.pth') for name in ('two', 'one'))
    # Gradients averaged over two batches of 2 are those of one batch of 4 ...
    torch.testing.assert_close(two['state_dict'], one['state_dict'])
    # ... and both processes' results are in the metric.
    assert re.search(r'count: 8\b', output)


def environment(**variables: str) -> dict[str, str]:
    """The variables of a command: this Python and this package, one thread, no GPU."""
    python = str(Path(sys.executable).parent)
    return {
        **os.environ,
        'PYTHONPATH': f'{ROOT}{os.pathsep}.',
        'PATH': f'{python}{os.pathsep}{os.environ["PATH"]}',
        'OMP_NUM_THREADS': '1',
        'CUDA_VISIBLE_DEVICES': '',
        **variables,
    }


def ranks(parent: int) -> list[int]:
    """Processes that a command has started itself and that still run."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, above = stat.read_text().rpartition(')')[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(above) == parent and state != 'Z':
            found.append(int(stat.parent.name))
    return found


@pytest.mark.slow
def test_killed_torchrun(toy: Path, refuse: Callable[..., str]) -> None:
    """Its processes end with it, and until then nobody else trains in their folder."""
    work = ['--work-dir', 'run', '--cfg-options', 'train_cfg.max_iters=100000']
    work += ['default_hooks.checkpoint.interval=100000', 'train_cfg.val_interval=100000']
    command = [str(ROOT / 'tools/dist_train.sh'), 'toy.py', '2', *work]
    with (toy / 'log').open('w') as log:
        parent = subprocess.Popen(
            command, env=environment(PORT=free_port()), stdout=log, stderr=log
        )
    children: list[int] = []
    try:
        limit = time.monotonic() + 120
        while 'Epoch(train) [' not in (toy / 'log').read_text():
            assert parent.poll() is None and time.monotonic() < limit, (toy / 'log').read_text()
            time.sleep(0.1)
        children = ranks(parent.pid)
        assert len(children) == 2
        assert 'still writes into run' in refuse('train.py', 'toy.py', *work)
        parent.kill()
        parent.wait()
        limit = time.monotonic() + 10
        while any(Path(f'/proc/{pid}').exists() for pid in children):
            assert time.monotonic() < limit
            time.sleep(0.05)
    finally:
        for pid in [parent.pid, *children]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_launch_scripts(toy: Path) -> None:
    for name in ('python', 'srun'):
        (toy / name).write_text('#!/bin/sh\nprintf "%s\\n" "$PYTHONPATH" "$@"\n')
        (toy / name).chmod(0o755)
    path = f'{toy}{os.pathsep}{os.environ["PATH"]}'
    options = ['--cfg-options', 'a.b="c d"']
    tools = str(ROOT / 'tools')

    script = [f'{tools}/dist_test.sh', 'toy.py', 'a.pth', '3', *options]
    assert call(*script, PATH=path, NNODES='2', NODE_RANK='1', PORT='1234').splitlines() == [
        f'{ROOT}:{ROOT}:.', '-m', 'mmlevelset.commands.launch', '--nnodes=2', '--node-rank=1',
        '--master-addr=127.0.0.1', '--master-port=1234', '--nproc-per-node=3',
        f'{tools}/test.py', 'toy.py', 'a.pth', '--launcher', 'pytorch', *options,
    ]  # fmt: skip
    script = [f'{tools}/slurm_train.sh', 'part', 'job', 'toy.py', *options]
    assert call(*script, PATH=path, GPUS='8', SRUN_ARGS='--mem 1G').splitlines() == [
        f'{ROOT}:{ROOT}:.', '--partition=part', '--job-name=job', '--gres=gpu:4', '--ntasks=8',
        '--ntasks-per-node=4', '--cpus-per-task=5', '--kill-on-bad-exit=1', '--mem', '1G',
        'python', '-u', f'{tools}/train.py', 'toy.py', '--launcher', 'slurm', *options,
    ]  # fmt: skip
    for name in ('dist_train', 'dist_test', 'slurm_train'):
        assert f'tools/{name}.sh ' in call(f'{tools}/{name}.sh', fails=True)


def test_clear_errors(toy: Path, refuse: Callable[..., str]) -> None:
    (toy / 'any.pth').touch()
    for command, needed in {
        'train.py no.py': "no config at 'no.py'",
        'test.py toy.py no.pth': "no checkpoint at 'no.pth'",
        'train.py toy.py --amp': '--amp needs a CUDA device',
        'train.py toy.py --launcher slurm': "'slurm' needs a CUDA device",
        'train.py toy.py --launcher pytorch': 'found no RANK',
        'test.py toy.py any.pth --tta': 'tta_model',
        'test.py toy.py any.pth --out=o': 'SeedMetric',
        'test.py toy.py any.pth --show-dir=s': 'visualizer',
    }.items():
        assert needed in refuse(*command.split())


def test_test_options() -> None:
    cfg = Config(
        dict(
            model=dict(type='Host'),
            tta_model=dict(type='TTA'),
            tta_pipeline=[dict(type='Views')],
            test_dataloader=dict(dataset=dict(pipeline=[])),
            test_evaluator=[dict(type='IoUMetric'), dict(type='mmlevelset.SeedMetric')],
            default_hooks=dict(visualization=dict(type='SegVisualizationHook')),
            visualizer=dict(type='SegLocalVisualizer'),
        )
    )
    set_tta(cfg)
    set_seed_folder(cfg, 'seeds')
    set_show_folder(cfg, 'pictures')
    assert cfg.model == dict(type='TTA', module=dict(type='Host'))
    assert cfg.test_dataloader.dataset.pipeline == [dict(type='Views')]
    assert [metric.get('out_dir') for metric in cfg.test_evaluator] == [None, 'seeds']
    assert cfg.default_hooks.visualization.draw and cfg.visualizer.save_dir == 'pictures'
    for hooks in ({}, dict(default_hooks=None), dict(default_hooks=dict(visualization=None))):
        cfg = Config(dict(visualizer=dict(type='SegLocalVisualizer'), **hooks))
        set_show_folder(cfg, 'pictures')
        assert cfg.default_hooks.visualization == dict(type='SegVisualizationHook', draw=True)


class _Attack:
    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


@pytest.mark.parametrize('attack', [(os.mkdir, 'hit'), (getattr, torch.nn.Module, 'forward')])
def test_checkpoint_runs_no_code(toy: Path, monkeypatch: pytest.MonkeyPatch, attack: tuple) -> None:
    compat.setup()
    torch.save(dict(state_dict={}, extra=_Attack(*attack)), 'attack.pth')
    with pytest.raises(ValueError, match='attack.pth is no checkpoint of tensors'):
        load_checkpoint(torch.nn.Linear(1, 1), 'attack.pth')
    assert not (toy / 'hit').exists()
    # The control: without the work-around this file does run its code.
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
    torch.load('attack.pth', weights_only=False)
    assert attack[0] is not os.mkdir or (toy / 'hit').exists()


def test_mmseg_configs_are_found(tmp_path: Path) -> None:
    compat.setup()
    (tmp_path / 'leaf.py').write_text("_base_ = 'mmseg::_base_/models/fcn_r50-d8.py'")
    cfg = Config.fromfile(str(tmp_path / 'leaf.py'))
    assert cfg.model.type == 'EncoderDecoder'


def test_a_training_does_not_warn_of_what_mmengine_calls_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    monkeypatch.setattr(MMLogger, 'callHandlers', lambda self, record: said.append(record.msg))
    compat.setup()
    hook = CheckpointHook()
    hook.before_train(SimpleNamespace(work_dir=str(tmp_path), logger=logging.getLogger('mild')))
    assert hook.file_client is not None
    assert not said


def test_mmcv_without_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """mmcv-lite's files can load operations, which cannot be called; any other mmcv is left alone."""
    loaded = []

    def load(name: str) -> None:
        assert name == 'mmcv.ops'
        loaded.append(sys.modules['mmcv._ext'])

    def absent(name: str) -> None:
        raise stack.PackageNotFoundError(name)

    monkeypatch.delitem(sys.modules, 'mmcv._ext', raising=False)
    monkeypatch.setattr(stack.importlib, 'import_module', load)
    monkeypatch.setattr(stack.importlib.util, 'find_spec', lambda name: None)
    monkeypatch.setattr(stack, 'distribution', absent)
    stack.allow_mmcv_lite()
    assert not loaded
    monkeypatch.setattr(stack, 'distribution', lambda name: name)
    stack.allow_mmcv_lite()
    (operations,) = loaded
    assert hasattr(operations, 'roi_align_forward') and not hasattr(operations, '__path__')
    with pytest.raises(ImportError, match='install mmcv in the place of mmcv-lite'):
        operations.roi_align_forward(1)
    assert 'mmcv._ext' not in sys.modules  # mmengine would take it for a full mmcv


def test_leaving_the_processes(tmp_path: Path) -> None:
    leave_processes()  # there is no group to leave
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    leave_processes()
    assert not torch.distributed.is_initialized()


def test_a_program_of_its_own_reads_the_checkpoint_of_a_training(tmp_path) -> None:
    """mmsegmentation's ``init_model`` calls nothing of ours but the reader."""
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(message_hub=dict(log_scalars=dict(loss=HistoryBuffer([0.5], [1])))), path)
    torch.serialization.clear_safe_globals()
    loaded = CheckpointLoader.load_checkpoint(str(path), 'cpu', logger='silent')
    assert loaded['message_hub']['log_scalars']['loss'].current() == 0.5
