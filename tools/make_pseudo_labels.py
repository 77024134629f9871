"""Cut seeds into pseudo-labels, as ``mmlevelset labels`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.labels import main

if __name__ == '__main__':
    run(main)
