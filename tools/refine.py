"""Refine seeds, as ``mmlevelset refine`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.refine import main

if __name__ == '__main__':
    run(main)
