"""The console command ``mmlevelset``: a table of sub-commands, each imported when it is called."""

import sys
from difflib import get_close_matches
from importlib import import_module

# Name -> the module whose `main` runs it, and what it does. The tools of the same purpose call the same `main`.
COMMANDS = {
    'train': ('mmlevelset.commands.train', 'train a model'),
    'test': ('mmlevelset.commands.test', 'test a model, or export its seeds or label maps'),
    'refine': ('mmlevelset.commands.refine', 'refine seeds into soft maps and pseudo-labels'),
    'evaluate': ('mmlevelset.commands.evaluate', 'score seeds or label maps'),
    'labels': ('mmlevelset.commands.labels', 'cut seeds into pseudo-labels'),
    'pipeline': ('mmlevelset.commands.pipeline', 'run all stages of a pipeline, and resume it'),
    'infer': ('mmlevelset.commands.infer', 'infer pictures: contours, level sets, label maps'),
    'demo': ('mmlevelset.commands.demo', 'open a local web page: upload, contour, sliders'),
    'report': ('mmlevelset.commands.report', "write a page to look at of a pipeline's run"),
    'new-project': ('mmlevelset.commands.new_project', 'write the configs of your own data'),
    'check-data': ('mmlevelset.commands.check_data', 'say what is wrong with a data set'),
}
USAGE = 'usage: mmlevelset COMMAND [options]'


def main() -> None:
    """Run the sub-command that ``sys.argv`` names; without one, list them."""
    name, *options = sys.argv[1:] or ['--help']
    if name in ('-h', '--help'):
        print(overview())
    elif name not in COMMANDS:
        near = get_close_matches(name, COMMANDS)
        also = f'did you mean {" or ".join(near)}?' if near else f'expected {", ".join(COMMANDS)}'
        sys.exit(_refuse(f'mmlevelset: error: no command {name!r}; {also}'))
    else:
        sys.argv = [f'mmlevelset {name}', *options]
        try:
            import_module('mmlevelset.compat')
        except ImportError as error:  # no stack: there is nothing yet that could report it
            sys.exit(_refuse(f'mmlevelset {name}: error: {error}'))
        from mmlevelset.apis.command import run

        run(lambda: import_module(COMMANDS[name][0]).main())


def overview() -> str:
    """List the sub-commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f'  {name:<{width}}  {says}' for name, (_, says) in COMMANDS.items()]
    more = 'mmlevelset COMMAND --help shows the options of a command and an example.'
    return '\n'.join([USAGE, '', *lines, '', more])


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2
