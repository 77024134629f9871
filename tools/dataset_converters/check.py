"""Check a data set, as ``mmlevelset check-data`` does."""

from mmlevelset.apis.command import run
from mmlevelset.commands.check_data import main

if __name__ == '__main__':
    run(main)
