from mmlevelset.compat import setup

from .convert import convert_checkpoint, convert_state_dict, read_checkpoint
from .label_folder import drop_masks, set_label_folder
from .pipeline import Pipeline, Stage
from .recipe import three_stages
from .runner import (
    OptionsAction,
    add_arguments,
    build_runner,
    check_weights,
    leave_processes,
    load_config,
    read_config,
    set_resume,
    set_seed_folder,
    set_show_folder,
    set_tta,
    versions,
    write_metrics,
)
from .seeds import config_classes, export_seeds, import_seeds
from .table import markdown, summarise

__all__ = [
    'OptionsAction',
    'Pipeline',
    'Stage',
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
    'markdown',
    'read_checkpoint',
    'read_config',
    'set_label_folder',
    'set_resume',
    'set_seed_folder',
    'set_show_folder',
    'set_tta',
    'setup',
    'summarise',
    'three_stages',
    'versions',
    'write_metrics',
]
