"""The head's own optimiser: same steps as two optimisers apart, beside any host, and resumable."""

import copy

import pytest
import torch
from mmengine.optim import PolyLR, build_optim_wrapper
from torch import nn

from mmlevelset.engine import JointOptimizer, TimmCosineLR
from mmlevelset.models import LevelSetHead

ADAMW = dict(type='AdamW', lr=4e-3, weight_decay=0.01)
HOSTS = [
    dict(type='SGD', lr=0.01, momentum=5e-4, weight_decay=5e-4),  # SEAM
    dict(type='AdamW', lr=3.125e-5, weight_decay=0.05),  # MCTformer+
    dict(type='Adam', lr=1e-4, weight_decay=5e-5),  # MuSCLe
]


class Model(nn.Module):
    """A host of one layer, with a frozen part, and the level-set head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Conv2d(3, 8, 3)
        self.frozen = nn.Conv2d(3, 8, 3).requires_grad_(False)
        self.auxiliary_head = LevelSetHead([8], [0], 8, num_classes=2)


def build(host, clip_grad=None, **paramwise):
    model = Model()
    paramwise = dict(level_set=ADAMW) | paramwise
    wrapper = build_optim_wrapper(
        model,
        dict(
            type='OptimWrapper',
            constructor='mmlevelset.LevelSetOptimWrapperConstructor',
            optimizer=dict(host),
            clip_grad=clip_grad,
            paramwise_cfg=paramwise,
        ),
    )
    return model, wrapper


def gradients(model, step):
    generator = torch.Generator().manual_seed(step)
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=generator) if p.requires_grad else None


@pytest.mark.parametrize('host', HOSTS, ids=lambda host: host['type'])
def test_head_learns_alike_beside_every_host(host):
    """Host and head move as under an optimiser of their own each."""
    model, wrapper = build(host)
    twin = copy.deepcopy(model)
    own = {n: p for n, p in twin.named_parameters() if p.requires_grad}
    settings = {k: v for k, v in host.items() if k != 'type'}
    apart = [
        getattr(torch.optim, host['type'])(
            [p for n, p in own.items() if 'auxiliary' not in n], **settings
        ),
        torch.optim.AdamW(
            [p for n, p in own.items() if 'auxiliary' in n], lr=4e-3, weight_decay=0.01
        ),
    ]
    before = copy.deepcopy(model.state_dict())
    for step in range(3):
        gradients(model, step)
        gradients(twin, step)
        wrapper.step()
        for optimizer in apart:
            optimizer.step()
    for (name, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=0)
        assert torch.equal(p, before[name]) == ('frozen' in name), name


def test_options_of_the_host_are_not_the_head_s():
    """``custom_keys`` of the host's schedule do not reach the head; schedulers reach both."""
    keys = dict(auxiliary_head=dict(lr_mult=200.0), backbone=dict(lr_mult=10.0))
    model, wrapper = build(HOSTS[0], custom_keys=keys)
    rates = [group['lr'] for group in wrapper.optimizer.param_groups]
    assert wrapper.get_lr()['base_lr'] == [0.01]
    assert rates[:2] == [0.1, 0.1]
    assert set(rates[2:]) == {4e-3}
    assert len(rates) == sum(p.requires_grad for p in model.parameters())
    scheduler = PolyLR(wrapper, power=1.0, begin=0, end=11, by_epoch=False)
    wrapper.step()
    for _ in range(5):
        scheduler.step()
    assert [g['lr'] for m in wrapper.optimizer.members for g in m.param_groups] == pytest.approx(
        [rate / 2 for rate in rates]
    )


@pytest.mark.parametrize('host', HOSTS, ids=lambda host: host['type'])
def test_resumed_equals_uninterrupted(host):
    model, wrapper = build(host)
    for step in range(2):
        gradients(model, step)
        wrapper.step()
    again, other = build(host)
    again.load_state_dict(model.state_dict())
    other.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    for m, w in ((model, wrapper), (again, other)):
        for step in range(2, 4):
            gradients(m, step)
            w.step()
    for p, q in zip(model.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=0)


def test_closure_runs_once():
    p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    joint = JointOptimizer(
        [torch.optim.SGD([p], lr=0.1), torch.optim.SGD([q], lr=0.2)], [None, None]
    )
    calls = []

    def closure():
        calls.append(1)
        joint.zero_grad()
        loss = (p + q).sum()
        loss.backward()
        return loss

    assert joint.step(closure) == 2
    assert len(calls) == 1
    assert (p.item(), q.item()) == pytest.approx((0.9, 0.8))


def test_missing_settings_and_missing_head():
    with pytest.raises(ValueError, match=r'paramwise_cfg has no level_set.*AdamW'):
        build(HOSTS[0], level_set=None)
    wrapper = dict(
        constructor='mmlevelset.LevelSetOptimWrapperConstructor',
        optimizer=dict(HOSTS[0]),
        paramwise_cfg=dict(level_set=ADAMW),
    )
    with pytest.raises(ValueError, match='found no LevelSetHead.*remove optim_wrapper.constructor'):
        build_optim_wrapper(nn.Conv2d(1, 1, 1), wrapper)


def test_the_head_is_clipped_alone():
    """Its gradient is scaled to the norm as a whole; the host's, larger or smaller, stays."""
    model, wrapper = build(HOSTS[0], level_set_max_norm=1.0)
    model.backbone.weight.grad = torch.full_like(model.backbone.weight, 100.0)
    learnt = list(model.auxiliary_head.parameters())
    for p in learnt:
        p.grad = torch.full_like(p, 3.0)
    wrapper.step()
    assert torch.stack([p.grad.norm() for p in learnt]).norm().item() == pytest.approx(1)
    assert len({round(g.item(), 9) for p in learnt for g in p.grad.flatten()}) == 1
    assert torch.all(model.backbone.weight.grad == 100)


@pytest.mark.parametrize('max_norm', [None, 1.0])
@pytest.mark.parametrize(
    ('clip', 'clipped'),
    [(dict(max_norm=2.0), 2.0), (dict(type='value', clip_value=0.125), 0.125 * 216**0.5)],
)
def test_the_host_is_clipped_alone(clip, clipped, max_norm):
    """However large the gradient of the head is, the host makes the same step; the head is not scaled with it."""
    model, wrapper = build(HOSTS[0], clip_grad=clip, level_set_max_norm=max_norm)
    model.backbone.weight.grad = torch.full_like(model.backbone.weight, 100.0)  # 8 x 3 x 3 x 3
    learnt = list(model.auxiliary_head.parameters())
    for p in learnt:
        p.grad = torch.full_like(p, 3.0)
    large = torch.stack([p.grad.norm() for p in learnt]).norm().item()
    wrapper.step()
    assert model.backbone.weight.grad.norm().item() == pytest.approx(clipped)
    norm = torch.stack([p.grad.norm() for p in learnt]).norm().item()
    assert norm == pytest.approx(max_norm or large)


@pytest.mark.parametrize('clip', [dict(max_norm=2.0), dict(type='value', clip_value=0.125)])
def test_a_host_without_gradients_is_not_clipped(clip):
    model, wrapper = build(HOSTS[0], clip_grad=clip)
    for p in model.auxiliary_head.parameters():
        p.grad = torch.ones_like(p)
    wrapper.step()
    assert all((p.grad == 1).all() for p in model.auxiliary_head.parameters())


@pytest.mark.parametrize('norm', [-1.0, 0, '1'])
def test_a_norm_that_lets_nothing_through_is_refused(norm):
    with pytest.raises(ValueError, match='level_set_max_norm'):
        build(HOSTS[0], level_set_max_norm=norm)


def test_a_schedule_of_shares_needs_a_rate_of_the_host():
    _, wrapper = build(dict(type='SGD', lr=0.0))
    with pytest.raises(ValueError, match='optimizer.lr'):
        TimmCosineLR(wrapper, begin=0, end=45, by_epoch=True)


def test_a_schedule_with_a_rate_of_its_own_scales_host_and_head_alike():
    """MCTformer's warm-up begins at 1e-6 of 3.125e-5: the head begins at the same share of its 4e-3."""
    _, wrapper = build(HOSTS[1])
    scheduler = TimmCosineLR(wrapper, begin=0, end=45, by_epoch=True)
    host, head = HOSTS[1]['lr'], ADAMW['lr']
    wrapper.step()
    seen = []
    for _ in range(45):
        groups = wrapper.optimizer.param_groups
        seen.append(groups[0]['lr'])
        assert groups[-1]['lr'] == pytest.approx(groups[0]['lr'] / host * head)
        scheduler.step()
    assert seen[:2] == pytest.approx([1e-6, 1e-6])
    assert max(seen) == pytest.approx(3.061e-5, rel=1e-3) and seen[-1] == pytest.approx(
        1.010e-5, rel=1e-3
    )
