"""The configs that follow the paper where the recipes of the hosts do not: its losses, its training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from PIL import Image

from mmlevelset.config import read_config

SEED = Path(__file__).resolve().parents[1] / 'configs/seed'
PRINTED = read_config(str(SEED.parent / '_base_/level_set/paper_energy.py')).paper_energy
ENERGIES = [
    *sorted(SEED.rglob('*_levelset_*_paper.py')),
    *sorted(SEED.rglob('*_levelset_*_paper-recipe.py')),
    *sorted(SEED.glob('ablation/*_energy.py')),
    *sorted(SEED.glob('ablation/*_paper.py')),
]
RECIPES = sorted(SEED.rglob('*_paper-recipe.py'))
RATES = dict(seam=0.01, muscle=1e-4, mctformer_plus=5e-4)  # §4.1


def name(path: Path) -> str:
    return str(path.relative_to(SEED))


def test_every_host_of_table_1_has_them() -> None:
    for host in RATES:
        found = [path.name for path in (SEED / host).glob('*_paper*.py')]
        for end in ('levelset_voc12_paper.py', 'levelset_voc12_paper-recipe.py'):
            assert any(file.endswith(end) for file in found), host
    assert {path.parent.name for path in RECIPES} == set(RATES)


@pytest.mark.parametrize('path', ENERGIES, ids=name)
def test_losses_are_those_of_the_paper(path: Path) -> None:
    head = read_config(str(path)).model.auxiliary_head
    assert head.loss_energy == PRINTED
    assert head.loss_anchor is None and head.zero == 0 and head.decoupled is False
    assert head.get('smooth', 0) == head.get('guidance', 0) == 0
    alone = path.stem.endswith('_energy')  # Table 2, row 3
    assert head.loss_sdf.loss_weight == (0.0 if alone else 1.0)


def rates(cfg: Config, per_epoch: int = 4) -> list[float]:
    """The learning rate of every iteration, as the runner builds the schedule."""
    optimiser = OptimWrapper(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))
    schedules = [
        PARAM_SCHEDULERS.build(
            {**dict(by_epoch=True, end=cfg.train_cfg.max_epochs), **schedule},
            default_args=dict(optimizer=optimiser, epoch_length=per_epoch),
        )
        for schedule in cfg.param_scheduler
    ]
    found = []
    for _ in range(cfg.train_cfg.max_epochs * per_epoch):
        found.append(optimiser.param_groups[0]['lr'])
        optimiser.step()
        for schedule in schedules:
            schedule.step()
    return found


@pytest.mark.parametrize('path', RECIPES, ids=name)
def test_training_is_that_of_section_4_1(path: Path) -> None:
    cfg = read_config(str(path))
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.type == 'AdamW' and optimizer.lr == RATES[path.parent.name]
    assert 'momentum' not in optimizer
    # one rate for all of the host
    keys = cfg.optim_wrapper.get('paramwise_cfg', {}).get('custom_keys', {})
    assert not any('lr_mult' in entry for entry in keys.values())
    official = read_config(str(path.with_name(path.name.replace('_paper-recipe', ''))))
    assert cfg.train_cfg == official.train_cfg
    assert cfg.train_dataloader.batch_size == official.train_dataloader.batch_size

    found = np.array(rates(cfg))
    start, end = 5 * 4, len(found)
    assert np.all(np.diff(found[:start]) > 0) and found[start - 1] == pytest.approx(1)
    steps = np.arange(end - start)
    expected = (1 + np.cos(np.pi * steps / (end - start))) / 2
    np.testing.assert_allclose(found[start:], expected, atol=1e-9)


@pytest.mark.parametrize('path', RECIPES, ids=name)
def test_images_are_resized_to_448(path: Path, tmp_path: Path) -> None:
    init_default_scope('mmseg')
    cfg = read_config(str(path))
    image = np.zeros((300, 500, 3), np.uint8)
    image[:, 250:] = 200  # the right half: all of the image is seen, neither cropped nor padded
    Image.fromarray(image).save(tmp_path / 'a.png')
    item = dict(img_path=str(tmp_path / 'a.png'), img_id='a', img_label=np.ones(20, np.float32))
    pipeline = cfg.train_dataloader.dataset.pipeline
    inputs = Compose(pipeline)(item)['inputs'].float()
    assert inputs.shape == (3, 448, 448)
    halves = inputs[..., :220].std(), inputs[..., 228:].std()
    assert max(halves) < 1 < (inputs[..., :220].mean() - inputs[..., 228:].mean()).abs()
    kinds = [step.type.rpartition('.')[2] for step in pipeline]
    assert [kind for kind in kinds if kind in ('RandomFlip', 'ColorJitter')] == [
        'RandomFlip', 'ColorJitter',
    ]  # fmt: skip
    assert not {'RandAugment', 'RandomErasing', 'RandomPlacedCrop', 'RandomResize'} & set(kinds)
