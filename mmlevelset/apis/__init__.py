"""What the command lines call: runners, inference, seeds and conversions."""

from mmlevelset.compat import setup
from mmlevelset.config import OptionsAction, read_config

from .checks import check_config, check_training, check_weights, state_levels
from .convert import convert_checkpoint, convert_state_dict, read_checkpoint
from .inferencer import LevelSetInferencer
from .inputs import list_pictures
from .label_folder import drop_masks, require_masks, set_label_folder
from .publish import publish_checkpoint
from .result import LevelSetResult
from .resume import last_checkpoint, set_resume
from .runner import (
    add_arguments,
    build_runner,
    leave_processes,
    load_config,
    set_seed_folder,
    set_show_folder,
    set_tta,
    train,
    write_metrics,
)
from .seeds import config_classes, export_seeds, import_seeds

__all__ = [
    'LevelSetInferencer',
    'LevelSetResult',
    'OptionsAction',
    'add_arguments',
    'build_runner',
    'check_config',
    'check_training',
    'check_weights',
    'config_classes',
    'convert_checkpoint',
    'convert_state_dict',
    'drop_masks',
    'export_seeds',
    'import_seeds',
    'last_checkpoint',
    'leave_processes',
    'list_pictures',
    'load_config',
    'publish_checkpoint',
    'read_checkpoint',
    'read_config',
    'require_masks',
    'set_label_folder',
    'set_resume',
    'set_seed_folder',
    'set_show_folder',
    'set_tta',
    'setup',
    'state_levels',
    'train',
    'write_metrics',
]
