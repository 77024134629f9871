"""Reading configs, their options on the command line, and the hash of what they say."""

import argparse
import re
from collections.abc import Sequence
from difflib import get_close_matches
from inspect import signature
from itertools import accumulate
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmlevelset import compat
from mmlevelset.fileio.hashes import text_hash
from mmlevelset.installation import find_config

# Entries of a config that change what is logged, kept or drawn, not what comes out.
NOT_SETTINGS = (
    'default_hooks', 'env_cfg', 'launcher', 'log_level', 'log_processor', 'resume', 'vis_backends',
    'visualizer', 'work_dir',
)  # fmt: skip
# What is read from a config beside its own entries and the arguments of mmengine's Runner.
OTHER_ENTRIES = (
    'activation_checkpointing', 'compile', 'dtype', 'efficient_conv_bn_eval', 'find_unused_parameters',
    'image_dir', 'model_wrapper_cfg', 'refiner', 'refiners', 'runner_type', 'sync_bn', 'threshold',
    'tta_model', 'tta_pipeline', 'unsure_below',
)  # fmt: skip
OPTIONS_HELP = (
    'pairs merged over the config. A value is a number, True, False, None, a list ([1,2] or 1,2), a '
    'tuple ((1,2)) or a text. A text with a slash is one path, blanks and commas included; put '
    'others, and paths in a list, in quotes to keep their commas, digits or brackets: KEY=\'"a,b"\''
)

_MISMATCH = (
    'the brackets or quotes of {!r} do not match; put a text that holds some in quotes: KEY=\'"…"\''
)


def parse_value(text: str) -> Any:
    """Read the value of a ``key=value`` pair.

    It reads as mmengine's ``DictAction`` does, but keeps the blanks of a text and the commas of a path.
    A list of pairs, ``[a=1,b=[2,3]]``, becomes a list of texts ``'a=1'``, ``'b=[2,3]'``. Commas in brackets
    within a text, ``f(1,2)``, part nothing.

    Args:
        text (str): A number, ``True``, ``False``, ``None``, a list, a tuple or a text; quotes around
            it make anything a text.

    Returns:
        Any: the value.

    Raises:
        ValueError: Brackets that do not match in a list.
    """
    stripped = text.strip()
    quoted = _unquote(stripped)
    if quoted is not None:
        return quoted
    if _enclosed(stripped):
        items = _split(stripped[1:-1])
        if stripped[0] == '[' and re.match(r'\[\s*[\w.]+=', stripped):
            return items
        values = [parse_value(item) for item in items]
        return tuple(values) if stripped[0] == '(' else values
    if ',' in text and '/' not in text:
        items = _split(text)
        if items != [stripped]:
            return [parse_value(item) for item in items]
        if stripped[0] in '[(':
            raise ValueError(_MISMATCH.format(text))
    return _scalar(text)


def _enclosed(text: str) -> bool:
    """Whether one pair of brackets holds all of a text, whatever stands in quotes."""
    text = re.sub(r"""(?<!\w)(["']).*?\1""", '', text)
    depths = list(accumulate((c in '[(') - (c in '])') for c in text))
    return text[:1] + text[-1:] in ('[]', '()') and 0 not in depths[:-1]


def _unquote(text: str) -> str | None:
    """The text between quotes; None where there are none around it."""
    inside = len(text) > 1 and text[0] in '\'"' and text[0] == text[-1] not in text[1:-1]
    return text[1:-1] if inside else None


def _split(text: str) -> list[str]:
    """Split at the commas outside of quotes and brackets, and drop the blanks around each part."""
    parts, depth, quote = [''], 0, ''
    for character in text:
        if quote:
            quote = '' if character == quote else quote
        elif character in '\'"' and not parts[-1].strip()[-1:].isalnum():  # no apostrophe
            quote = character
        else:
            depth += (character in '[(') - (character in '])')
        if character == ',' and not depth and not quote:
            parts.append('')
        else:
            parts[-1] += character
        if depth < 0:
            break
    if depth or quote:
        raise ValueError(_MISMATCH.format(text))
    return [part.strip() for part in parts if part.strip()]


def _scalar(text: str) -> int | float | bool | str | None:
    words = {'true': True, 'false': False}
    if text.lower() in words:
        return words[text.lower()]
    if text == 'None':
        return None
    for kind in (int, float):
        try:
            # Python reads the 1_2 of a name as 12.
            return text if '_' in text else kind(text)
        except ValueError:
            continue
    return text


class OptionsAction(argparse.Action):
    """Collects ``key=value`` pairs into a dict; see :func:`parse_value`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        options = dict(getattr(namespace, self.dest) or {})
        for pair in values or ():
            key, equals, text = pair.partition('=')
            if not key or not equals:
                parser.error(f'{option_string} expects KEY=VALUE, got {pair!r}')
            try:
                options[key] = parse_value(text)
            except ValueError as error:
                parser.error(f'{option_string} {pair}: {error}')
        setattr(namespace, self.dest, options)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options`` to a parser."""
    parser.add_argument(
        '--cfg-options', nargs='*', action=OptionsAction, metavar='KEY=VALUE', help=OPTIONS_HELP
    )


def read_config(path: str, cfg_options: dict[str, Any] | None = None) -> Config:
    """Read a config file.

    Args:
        path (str): The file, or a name of :func:`find_config`.
        cfg_options (dict, optional): Dotted keys and their values, merged over the config.

    Raises:
        FileNotFoundError: The config, or one that it inherits, does not exist.
        ValueError: It is no config, or an option names an entry that it does not have.
    """
    file = str(find_config(path))
    compat.setup()
    try:
        cfg = Config.fromfile(file)
    except FileNotFoundError as error:
        if not str(error.filename).endswith('.py'):  # said by us, or of a file that a config opens
            raise
        raise FileNotFoundError(
            f'{path}: it, or what it inherits, names {error.filename}, which is not there; the path of a _base_ '
            "counts from the file's own folder, and one of ours is _base_ = 'mmlevelset::…'"
        ) from error
    except ImportError as error:
        if 'custom modules' not in str(error):
            raise ValueError(f'{path} is no config: {type(error).__name__}: {error}') from error
        raise ValueError(
            f'{path}: custom_imports names a module that Python does not find, or that fails when it is '
            f'imported ({error.__cause__ or error.__context__}); say where it is: PYTHONPATH=FOLDER mmlevelset …'
        ) from error
    except Exception as error:  # a config is a program
        raise ValueError(f'{path} is no config: {type(error).__name__}: {error}') from error
    _check_names(cfg, cfg_options or {}, path)
    for key, value in (cfg_options or {}).items():
        try:
            cfg.merge_from_dict({key: value})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'the option {key}={value!r} does not fit {path}: {error.args[0]}'
            ) from error
    return cfg


def _check_names(cfg: Config, options: dict[str, Any], path: str) -> None:
    """Refuse an option that only looks like an entry of the config; mmengine would add and never read it."""
    if 'recipe' in cfg:  # which refuses what it does not know
        return
    known = {*cfg.keys(), *signature(Runner.__init__).parameters, *OTHER_ENTRIES}
    for option in options:
        name = option.split('.')[0]
        near = get_close_matches(name, known, n=1, cutoff=0.75)
        if name not in known and near:
            raise ValueError(f'the option {option}: {path} has no entry {name!r}, but {near[0]!r}')
        if name not in known:
            print(f'the option {option} adds an entry that nothing in {path} reads')


def settings_hash(cfg: Config) -> str:
    """Hash of what a config says about data, model and schedule.

    Args:
        cfg (Config): Any config; what only concerns outputs and the machine is left out.

    Returns:
        str: 16 hexadecimal digits.
    """
    settings = {key: value for key, value in cfg.to_dict().items() if key not in NOT_SETTINGS}
    return text_hash(Config(settings).pretty_text)
