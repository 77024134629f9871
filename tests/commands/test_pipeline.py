"""What ``mmlevelset pipeline`` says before any stage runs."""

from pathlib import Path
from typing import Any

import pytest

from mmlevelset.commands.pipeline import expanded
from mmlevelset.config import read_config

ROOT = Path(__file__).resolve().parents[2]


def test_launch_keys_are_known_to_the_reader(capsys: pytest.CaptureFixture) -> None:
    """A declaration refuses what it does not know by itself."""
    path = str(ROOT / 'configs/pipeline/shapes_efficientnet-lite0_levelset.py')
    assert 'dist_train.sh' in str(expanded(path, dict(gpus=2))['stages'])
    assert 'nothing' not in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"does not know \['gpu'\]"):
        expanded(path, dict(gpu=2))


def test_a_pipeline_given_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'pets/configs/pipeline.py'
    path.parent.mkdir(parents=True)
    path.write_text("recipe = 'one_run'\nwork_dir = 'w'\nseeds = 'configs/levelset.py'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmlevelset.commands.pipeline.expand', read_seeds)
    with pytest.raises(FileNotFoundError, match=f'type it in {tmp_path / "pets"}$'):
        expanded(str(path), None)
    monkeypatch.chdir(tmp_path / 'pets')
    with pytest.raises(FileNotFoundError) as raised:
        expanded(str(path), None)
    assert 'type it in' not in str(raised.value)


def read_seeds(cfg: dict[str, Any]) -> None:
    """What every recipe does with the configs that a pipeline names."""
    read_config(cfg['seeds'])
