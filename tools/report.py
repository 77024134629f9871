"""Write a page to look at of a pipeline's run, as ``mmlevelset report`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.report import main

if __name__ == '__main__':
    run(main)
