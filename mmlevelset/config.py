"""Reading configs, their options on the command line, and the hash of what they say."""

import re
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from mmlevelset import compat
from mmlevelset.fileio.hashes import text_hash

# Entries of a config that change what is logged, kept or drawn, not what comes out.
NOT_SETTINGS = (
    'default_hooks', 'env_cfg', 'launcher', 'log_level', 'log_processor', 'resume', 'vis_backends',
    'visualizer', 'work_dir',
)  # fmt: skip


class OptionsAction(DictAction):
    """``key=value`` pairs as of mmengine; a value may be a list of such pairs: ``[a=1,b=[2,3]]``.

    mmengine's own action calls itself without end on the second pair of this list.
    """

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        if not re.match(r'\[\s*[\w.]+=', val):
            return DictAction._parse_iterable(val)
        pairs, depth = [''], 0
        for character in val.strip()[1:-1]:
            depth += (character in '[(') - (character in '])')
            if character == ',' and not depth:
                pairs.append('')
            else:
                pairs[-1] += character
        return [pair.strip() for pair in pairs]


def read_config(path: str, cfg_options: dict[str, Any] | None = None) -> Config:
    """Read a config file.

    Args:
        path (str): The file.
        cfg_options (dict, optional): Dotted keys and their values, merged over the config.

    Raises:
        FileNotFoundError: The config does not exist.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'no config at {path!r}; list the configs with: ls configs/*/*')
    compat.setup()
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(cfg_options or {})
    return cfg


def settings_hash(cfg: Config) -> str:
    """Hash of what a config says about data, model and schedule.

    Args:
        cfg (Config): Any config; what only concerns outputs and the machine is left out.

    Returns:
        str: 16 hexadecimal digits.
    """
    settings = {key: value for key, value in cfg.to_dict().items() if key not in NOT_SETTINGS}
    return text_hash(Config(settings).pretty_text)
