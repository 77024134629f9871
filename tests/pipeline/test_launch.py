"""Processes of a training share one batch, whoever says how large it is."""

from pathlib import Path

import pytest

from mmlevelset.pipeline.recipes.launch import BATCH, Launch
from tests.pipeline.test_configs import ROOT, commands

CAM = 'configs/pipeline/voc20_cam_methods.py'


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / 'c.py').write_text('train_dataloader = dict(batch_size=8)\n')
    return str(tmp_path / 'c.py')


@pytest.mark.parametrize(
    ('launch', 'options', 'found'),
    [
        (Launch(gpus=4), [], ['2']),
        (Launch(gpus=4), [f'{BATCH}=16', 'a=1'], ['4']),
        (Launch(gpus=2, nodes=2, partition='p'), [f'{BATCH}=16', f'{BATCH}=32'], ['8']),
        (Launch(), [f'{BATCH}=16'], ['16']),
        (Launch(), [], []),
    ],
)
def test_one_batch_is_shared(config, launch, options, found) -> None:
    command = launch.train('train', config, 'folder', options)
    pairs = [pair.partition('=') for pair in command.split() if '=' in pair]
    assert [value for key, _, value in pairs if key == BATCH] == found
    assert ('a=1' in command) == ('a=1' in options)


@pytest.mark.parametrize(
    ('value', 'why'),
    [
        ('6', ' trains with batches of 6, which gpus=4 times nodes=1'),
        ('0', ": a batch of '0', expected a whole number from 1"),
        ('None', ": a batch of 'None', expected a whole number from 1"),
    ],
)
def test_a_batch_of_an_option_that_cannot_be_shared(config, value, why) -> None:
    message = f'the option {BATCH}={value}{why}'
    with pytest.raises(ValueError, match=message):
        Launch(gpus=4).train('train', config, 'folder', [f'{BATCH}={value}'])


@pytest.mark.parametrize('given', [f'{BATCH}=12', [f'{BATCH}=12']])
def test_a_text_is_a_list_of_one(given) -> None:
    words = commands(ROOT / CAM, gpus=4, variants=dict(levelset_cam=dict(options=given)))
    assert f'{BATCH}=3' in words['train_levelset_cam_s0']
    path = ROOT / 'configs/pipeline/voc12_seam_levelset.py'
    words = commands(path, variants=dict(levelset=dict(walk_options=given)))
    assert words['refine_levelset'][-1] == f'{BATCH}=12'
    with pytest.raises(ValueError, match='options must be texts'):
        commands(path, seed_options=[5])


def test_the_options_of_a_variant() -> None:
    variants = dict(levelset_cam=dict(options=[f'{BATCH}=12']))
    words = commands(ROOT / CAM, gpus=4, variants=variants)
    batches = [word for word in words['train_levelset_cam_s0'] if word.startswith(BATCH)]
    assert batches == [f'{BATCH}=3']
