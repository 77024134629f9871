"""Runs the console command as ``python -m mmlevelset``."""

from mmlevelset.commands import main

if __name__ == '__main__':
    main()
