"""What the command lines call: runners, inference, seeds and conversions."""

from mmlevelset.compat import setup
from mmlevelset.config import OptionsAction, read_config

from .convert import convert_checkpoint, convert_state_dict, read_checkpoint
from .label_folder import drop_masks, set_label_folder
from .runner import (
    add_arguments,
    build_runner,
    check_weights,
    leave_processes,
    load_config,
    set_resume,
    set_seed_folder,
    set_show_folder,
    set_tta,
    write_metrics,
)
from .seeds import config_classes, export_seeds, import_seeds

__all__ = [
    'OptionsAction',
    'add_arguments',
    'build_runner',
    'check_weights',
    'config_classes',
    'convert_checkpoint',
    'convert_state_dict',
    'drop_masks',
    'export_seeds',
    'import_seeds',
    'leave_processes',
    'load_config',
    'read_checkpoint',
    'read_config',
    'set_label_folder',
    'set_resume',
    'set_seed_folder',
    'set_show_folder',
    'set_tta',
    'setup',
    'write_metrics',
]
