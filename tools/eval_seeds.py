"""Evaluate seeds or label maps, as ``mmlevelset evaluate`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.evaluate import main

if __name__ == '__main__':
    run(main)
