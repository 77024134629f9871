"""Train a model, as ``mmlevelset train`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.train import main

if __name__ == '__main__':
    run(main)
