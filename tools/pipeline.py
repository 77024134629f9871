"""Run a pipeline, as ``mmlevelset pipeline`` does; in a clone, its stages run in the root of the clone."""

from functools import partial
from pathlib import Path

from mmlevelset.apis.command import run
from mmlevelset.commands.pipeline import main

HOME = Path(__file__).resolve().parents[1]

if __name__ == '__main__':
    run(partial(main, None if HOME.name == '.mim' else HOME))
