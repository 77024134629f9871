"""Where tools/refine.py looks for the images of the seeds."""

import argparse
from pathlib import Path

import pytest

from mmlevelset.commands.refine import image_folder
from mmlevelset.fileio import write_meta


def test_the_command_comes_before_the_config_and_the_seeds(tmp_path: Path) -> None:
    write_meta(tmp_path, kind='seeds', image_dir='of/seeds')
    args = argparse.Namespace(images=None, seeds=str(tmp_path))
    assert image_folder({}, args) == 'of/seeds'
    assert image_folder(dict(image_dir='of/config'), args) == 'of/config'
    args.images = 'of/command'
    assert image_folder(dict(image_dir='of/config'), args) == 'of/command'


def test_unknown_folder_names_the_cure(tmp_path: Path) -> None:
    write_meta(tmp_path, kind='seeds')
    args = argparse.Namespace(images=None, seeds=str(tmp_path))
    with pytest.raises(ValueError, match='meta.json does not say where the images are.*--images'):
        image_folder({}, args)


def test_seeds_of_a_stopped_export_say_so_first(tmp_path: Path) -> None:
    write_meta(tmp_path, kind='seeds', complete=False)
    with pytest.raises(ValueError, match=f'{tmp_path} is unfinished'):
        image_folder({}, argparse.Namespace(images=None, seeds=str(tmp_path)))
