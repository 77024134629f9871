"""LabelFreePlateauLR: halves when the mean of an epoch is no better than the best before."""

import pytest
import torch
from mmengine.logging import MessageHub

from mmlevelset.engine import LabelFreePlateauLR

NAME = 'decode.loss_softmargin'


@pytest.fixture
def hub(request: pytest.FixtureRequest) -> MessageHub:
    return MessageHub.get_instance(request.node.name)


def make(lr: float = 1e-4) -> tuple[torch.optim.Optimizer, LabelFreePlateauLR]:
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=lr)
    options = dict(monitor=NAME, rule='less', factor=0.5, patience=0, min_value=1e-5)
    return optimizer, LabelFreePlateauLR(optimizer, **options)


def run(hub: MessageHub, scheduler: LabelFreePlateauLR, values: list[float]) -> None:
    """One epoch that logs ``values``."""
    for value in values:
        hub.update_info('iter', hub.get_info('iter', -1) + 1)
        hub.update_scalar(f'train/{NAME}', value)
    scheduler.step()


def test_epochs(hub):
    """Only the mean over the epoch counts, not its last value nor earlier epochs."""
    optimizer, scheduler = make()
    rates = []
    for values in ([3, 1], [1, 2], [1.6, 1.5], [0.1, 1.2], [2, 2, 2], [2], [2], [2], [2]):
        run(hub, scheduler, values)
        rates.append(optimizer.param_groups[0]['lr'])
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 5e-5, 2.5e-5, 1.25e-5, 1e-5, 1e-5, 1e-5])


def test_resumed(hub):
    """The state says where the last epoch ended and what was best."""
    optimizer, scheduler = make()
    run(hub, scheduler, [1, 1])
    again, resumed = make()
    resumed.load_state_dict(scheduler.state_dict())
    run(hub, resumed, [0.9, 0.8])
    assert again.param_groups[0]['lr'] == 1e-4
    run(hub, resumed, [0.9, 0.9])
    assert again.param_groups[0]['lr'] == 5e-5


def test_unknown_value(hub):
    _, scheduler = make()
    hub.update_info('iter', 0)
    hub.update_scalar('train/loss', 1.0)
    with pytest.raises(ValueError, match=rf"no '{NAME}'; set monitor to one of \['loss'\]"):
        scheduler.step()
