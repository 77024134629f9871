"""``torchrun``, whose last words and exit status are those of the process that failed first.

torchrun itself ends with a traceback of its own, and with 1. Arguments are those of torchrun.
"""

import sys

from torch.distributed import DistNetworkError, run
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def main() -> int:
    """Start the processes and wait for them; returns the exit status."""
    try:
        run.main()
    except ChildFailedError as error:
        _, first = error.get_first_failure()
        if isinstance(first.message, dict):  # of ours
            said = first.message['message']
        else:
            end = f'status {first.exitcode}' if first.exitcode > 0 else first.signal_name()
            said = (
                f'torchrun: error: process {first.pid} ended with {end}; what it said stands above'
            )
        print(said, file=sys.stderr)
        return first.exitcode if first.exitcode > 0 else 1
    except DistNetworkError as error:
        print(
            f'torchrun: error: {str(error).splitlines()[0]}. Another program has the port, or MASTER_ADDR '
            'cannot be reached; set another one before the command: PORT=29511',
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
