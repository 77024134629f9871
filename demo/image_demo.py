"""Infer pictures, as ``mmlevelset infer`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.infer import main

if __name__ == '__main__':
    run(main)
