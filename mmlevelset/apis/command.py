"""What all command lines share: their parser, and how an error reaches the user."""

import argparse
import errno
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from mmengine.logging import MMLogger
from mmengine.registry import build_functions
from mmengine.runner import runner

from mmlevelset.fileio.atomic import NO_SPACE, write_json
from mmlevelset.installation import PACKAGE, TOOLS

from .runner import leave_processes

# What our code raises for something that the user can put right.
USER_ERRORS = (ValueError, OSError, RuntimeError, ImportError)
# Rights that this user has not.
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def make_parser(doc: str | None, example: str = '') -> argparse.ArgumentParser:
    """Make the parser of a command line.

    Args:
        doc (str): Docstring of its file; the help begins with it.
        example (str): Arguments of an example, with which the help ends; where it is empty, the
            docstring shows one.
    """
    called = f'python {sys.argv[0]}' if sys.argv[0].endswith('.py') else sys.argv[0]
    parser = argparse.ArgumentParser(
        description=(doc or '').replace('``', ''),
        epilog=f'example:\n  {called} {example}' if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--debug', action='store_true', help='show where an error was raised')
    return parser


def run(main: Callable[[], int | None]) -> None:
    """Run a command line; an error ends it with what is wrong as the last lines on stderr.

    The exit status is 2 for what the user can put right, 1 for other errors, which show where they
    were raised, and 130 after an interrupt. A training's log keeps the place of every error.

    Args:
        main (Callable): Returns an exit status, or None for 0.
    """
    try:
        status = main()
        leave_processes()
    except KeyboardInterrupt:
        print(
            'interrupted; long commands go on where they stopped, trainings with --resume',
            file=sys.stderr,
        )
        status = 130
    except Exception as error:
        sys.exit(_report(error, '--debug' in sys.argv))
    if status:
        sys.exit(status)


def _report(error: Exception, debug: bool) -> int:
    """Print an error and write it to the log; returns the exit status."""
    where = ''.join(traceback.format_exception(error))
    of_config = _is_of_config(error)
    ours = isinstance(error, USER_ERRORS) and (isinstance(error, OSError) or _is_ours(where))
    ours = ours or of_config
    _log(where)
    if debug or not ours:
        print(where, file=sys.stderr)
    name = '' if ours else f'{type(error).__name__}: '
    if of_config:
        name = f'the config asks for what cannot be built: {_built(error)}'
    # A worker of the data loader puts its traceback into the message.
    text = str(error).rpartition(f'\n{type(error).__name__}: ')[2].strip()
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        text += '. Free some space, and give the command again (trainings with --resume); what is complete is kept.'
    if isinstance(error, OSError) and error.errno in DENIED:
        text += '. Check your rights there, or give another path.'
    sys.stdout.flush()
    sentence = f'{Path(sys.argv[0]).name}: error: {name}{text}'
    print(sentence, file=sys.stderr)
    if file := os.environ.get('TORCHELASTIC_ERROR_FILE'):  # where torchrun asks for it
        said = dict(message=sentence, extraInfo=dict(timestamp=int(time.time())))
        write_json(file, dict(message=said))
    return 2 if ours else 1


def _is_ours(where: str) -> bool:
    """Whether a traceback, of this or another process, shows that our code raised the error."""
    for part in where.split('Traceback (most recent call last):')[1:]:
        files = re.findall(r'^ *File "(.+)", line', part, re.MULTILINE)
        inside = [Path(files[-1]).is_relative_to(room) for room in (PACKAGE, TOOLS)]
        if any(inside):
            return True
    return False


def _is_of_config(error: Exception) -> bool:
    """Whether a class that the config names refused, or does not know, what the config gives it."""
    frames = traceback.extract_tb(error.__traceback__)
    files = [frame.filename for frame in frames]
    builder = [i for i, file in enumerate(files) if file == build_functions.__file__]
    # A Runner looks at its own arguments, too.
    builder += [
        i
        for i, frame in enumerate(frames)
        if frame.filename == runner.__file__ and frame.name == '__init__'
    ]
    # Of our classes, which hand on what they do not know, and of data loaders, made by the Runner.
    if isinstance(error, TypeError) and 'unexpected keyword argument' in str(error):
        return bool(builder) or frames[-1].name.startswith('build_')
    if not builder or _is_ours(''.join(traceback.format_exception(error))):
        return False
    return max(builder) == len(files) - 1 or isinstance(
        error, ValueError | TypeError | AssertionError
    )


def _built(error: Exception) -> str:
    """The class that could not be built, with the plain options that it was given."""
    found = ''
    for frame, _ in traceback.walk_tb(error.__traceback__):
        given = frame.f_locals
        if frame.f_code.co_filename == build_functions.__file__ and hasattr(
            given.get('obj_cls'), '__name__'
        ):
            plain = [
                f'{k}={v!r}' for k, v in given['args'].items() if isinstance(v, str | int | float)
            ]
            found = f'{given["obj_cls"].__name__}({", ".join(plain)}): '
    return found


def _log(where: str) -> None:
    """Write a traceback to the log file, where a Runner has made one, and not to the terminal."""
    logger = MMLogger.get_current_instance()
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            record = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, where, (), None)
            handler.handle(record)
