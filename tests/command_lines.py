"""The commands of tools/ in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def start(*command: str, **variables: str) -> subprocess.Popen:
    """Start a command from the repository root, on one thread and without a GPU."""
    env = dict(
        PYTHONPATH=str(ROOT),
        PATH=f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
        **variables,
    )
    pipe = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return subprocess.Popen([str(c) for c in command], cwd=ROOT, env={**os.environ, **env}, **pipe)


def finish(process: subprocess.Popen, fails: bool = False) -> str:
    """Wait for a command, which must succeed or fail; its output."""
    output = process.communicate()[0]
    # The end says what failed, and long reports are cut at their end.
    assert (process.returncode != 0) == fails, f'exit {process.returncode}: ...{output[-4000:]}'
    return output


def start_tool(name: str, *arguments: str) -> subprocess.Popen:
    return start(sys.executable, f'tools/{name}.py', *arguments)


def tool(name: str, *arguments: str, fails: bool = False) -> str:
    return finish(start_tool(name, *arguments), fails)


def options(**values: Any) -> list[str]:
    """``--cfg-options`` of dotted keys, written with ``__`` for the dot."""
    return ['--cfg-options', *(f'{key.replace("__", ".")}={v}' for key, v in values.items())]
