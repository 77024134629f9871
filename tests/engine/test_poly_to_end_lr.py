"""PolyToEndLR, and the official schedules of the configs: (1 - t / T)^0.9 at iteration t = 0 .. T - 1."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope

from mmlevelset.config import read_config

SCHEDULES = Path(__file__).resolve().parents[2] / 'configs/_base_/schedules'
ITERATIONS = 20


@pytest.mark.parametrize(
    ('name', 'beyond'),
    [
        ('seed_seam', 0),
        ('seed_irn', 0),
        ('seed_psa', 0),
        ('affinity_psa', 0),
        ('affinity_irn', 0),
        ('retrain_mctformer', 0),
        ('retrain_deeplabv2', 0),
        ('retrain_seam', 1),
    ],
)
def test_rates_of_the_official_recipes(name: str, beyond: int) -> None:
    init_default_scope('mmseg')
    cfg = read_config(str(SCHEDULES / f'{name}.py'))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    (schedule,) = cfg.param_scheduler
    # as the runner fills it in
    built = PARAM_SCHEDULERS.build(dict(schedule, optimizer=optimizer, begin=0, end=ITERATIONS))
    rates = []
    for _ in range(ITERATIONS):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        built.step()
    total = ITERATIONS + beyond
    assert rates == pytest.approx(
        [0.5 * (1 - t / total) ** 0.9 for t in range(ITERATIONS)], rel=1e-9
    )
