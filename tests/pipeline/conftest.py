"""Run tools/pipeline.py in the process of the test."""

import runpy
import signal
import sys
from pathlib import Path

import pytest

from .small_pipeline import CONFIG, ROOT, Tool


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Run tools/pipeline.py in this process; its exit status. The config is CONFIG, or text."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmlevelset.pipeline.scheduler.POLL', 0.01)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments: str, text: str = CONFIG) -> int:
        (tmp_path / 'config.py').write_text(text)
        monkeypatch.setattr(sys, 'argv', ['pipeline.py', 'config.py', *arguments])
        try:
            runpy.run_path(str(ROOT / 'tools/pipeline.py'), run_name='__main__')
        except SystemExit as error:
            return error.code
        return 0

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
