"""Test a model, or export its seeds, as ``mmlevelset test`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.test import main

if __name__ == '__main__':
    run(main)
