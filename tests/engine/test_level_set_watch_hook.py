"""LevelSetWatchHook: every way in which level sets go wrong is said, with the key to change."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmlevelset.engine import LevelSetWatchHook
from mmlevelset.engine.level_set_watch_hook import FEW, SHARES, complaints, unlearnt
from mmlevelset.models import LevelSetHead
from mmlevelset.models.guidance import slopes
from mmlevelset.models.watch import LevelSetWatch

ROOT = Path(__file__).resolve().parents[2]
PAGES = ('level_set_head', 'weights_and_logs')
NAMES = ['cat', 'chair', 'boat']


def sums(**changes) -> dict[str, torch.Tensor]:
    """20 pairs of every class, masks on 10 % of the map, level sets of the same size that moved."""
    values = dict(pairs=20.0, valid=20.0, cam=2.0, phi=2.0, moved=1.0)
    return {name: torch.full((3,), value) for name, value in values.items()} | {
        name: torch.tensor(value) for name, value in changes.items()
    }


def settings(**changes) -> SimpleNamespace:
    """Of a head with an operator, whose energy is on and finds its own background and zero."""
    values = dict(background='auto', zero='auto', evolution=nn.Identity(), warmup=dict(energy=1.0))
    values['loss_energy'] = nn.Identity()
    return SimpleNamespace(**values | changes)


def test_silence_where_all_is_well():
    assert complaints(sums(), NAMES, settings()) == []
    # A quarter of the CAM, which is wider than its object, and twice as much are still well.
    assert complaints(sums(phi=[0.5, 2.0, 4.0]), NAMES, settings()) == []


@pytest.mark.parametrize(
    ('phi', 'word', 'key'),
    [
        (0.4, 'vanish', 'lower model.auxiliary_head.background'),
        (4.1, 'spread', 'raise model.auxiliary_head.background'),
    ],
)
def test_a_class_that_vanishes_or_spreads(phi, word, key):
    (line,) = complaints(sums(phi=[2.0, phi, 2.0]), NAMES, settings(background=0.3, zero=0.0))
    assert line.startswith('chair') and word in line and key in line
    assert f'{100 * phi / 20:.1f} %' in line and '10.0 %' in line
    assert "set model.auxiliary_head.zero to 'auto'" in line
    (line,) = complaints(sums(phi=[2.0, phi, 2.0]), NAMES, settings())
    assert 'auxiliary_head.zero' not in line
    number = dict(vanish='lower', spread='higher')[word]
    assert f'give model.auxiliary_head.background a {number} number' in line
    # Not before the energy has driven phi^T, and not from a handful of images.
    assert complaints(sums(phi=[2.0, phi, 2.0]), NAMES, settings(warmup=dict(energy=0.0))) == []
    few = sums(phi=[2.0, phi / 20 * 3, 2.0], cam=[2.0, 0.3, 2.0], valid=[20.0, 3.0, 20.0])
    few['pairs'] = few['valid']
    assert complaints(few, NAMES, settings()) == []


@pytest.mark.parametrize('energy', [0.0, 1.0])
def test_a_class_without_targets(energy):
    """It vanishes before there is a level set, from the first iteration on."""
    lost = sums(valid=[20.0, 3.0, 20.0], phi=[2.0, 0.3, 2.0], cam=[2.0, 0.3, 2.0])
    (line,) = complaints(lost, NAMES, settings(warmup=dict(energy=energy)))
    assert 'have a contour' in line and 'chair 3 of 20;' in line
    assert "model.auxiliary_head.background (now 'auto') towards the middle" in line
    assert (
        complaints(sums(valid=[20.0, 10.0, 20.0]), NAMES, settings(warmup=dict(energy=energy)))
        == []
    )


@pytest.mark.parametrize(
    ('share', 'energy', 'said'), [(0.004, 1.0, 1), (0.996, 1.0, 1), (0.004, 0.0, 0), (0.1, 1.0, 0)]
)
def test_level_sets_that_collapse(share, energy, said):
    """All classes together, however few images; not before there is an energy that could do it."""
    values = dict(phi=[share] * 3, cam=[share] * 3, valid=[1.0] * 3, pairs=[1.0] * 3)
    lines = complaints(sums(**values), NAMES, settings(warmup=dict(energy=energy)))
    assert len(lines) == said and all('collapsed' in line for line in lines)
    # nor where there is none, whose weights cannot be lowered
    assert complaints(sums(**values), NAMES, settings(loss_energy=None)) == []


def test_one_class_that_collapses_beside_others():
    """Below 0.5 % or above 99.5 % of the map, even where that is near to what the masks of its CAM cover."""
    lines = complaints(sums(phi=[0.07, 2.0, 19.95], cam=[0.24, 2.0, 12.0]), NAMES, settings())
    assert [line.split(':')[0] for line in lines] == ['cat', 'boat']
    assert 'they vanish' in lines[0] and 'they spread' in lines[1]
    # small objects, and those that fill the image, are no fault
    small = sums(phi=[0.09, 0.06, 19.95], cam=[0.08, 0.09, 19.96])
    assert complaints(small, NAMES, settings()) == []


@pytest.mark.parametrize('energy', [0.0, 1.0])
def test_most_targets_are_invalid(energy):
    head = settings(background=0.9, warmup=dict(energy=energy))
    lines = complaints(
        sums(valid=[2.0, 20.0, 2.0], phi=[0.2, 2, 0.2], cam=[0.2, 2, 0.2]), NAMES, head
    )
    assert len(lines) == 1
    assert (
        'only 24 of 60 CAM masks' in lines[0] and 'auxiliary_head.background (now 0.9)' in lines[0]
    )
    nothing = {name: torch.zeros(3) for name in sums()} | dict(pairs=torch.full((3,), 20.0))
    assert len(complaints(nothing, NAMES, head)) == 1


def test_idle_operator():
    (line,) = complaints(sums(moved=[0.0, 0.0, 1e-3]), NAMES, settings())
    assert 'idle' in line and 'paramwise_cfg.level_set.lr' in line
    still = sums(moved=[0.0, 0.0, 0.0])
    assert complaints(still, NAMES, settings(warmup=dict(energy=0.0))) == []
    assert complaints(still, NAMES, settings(evolution=None)) == []  # phi^T is phi^0 there


@pytest.mark.parametrize('batches', [1, 4])
def test_what_phi0_has_learnt(batches):
    """The slope is that of a line through all pixels of a class, however the batches are cut."""
    generator = torch.Generator().manual_seed(3)
    classes = torch.tensor([0, 1] * 16)
    sdf = 3 * torch.randn(32, 1, 6, 7, generator=generator)
    true = torch.tensor([0.8, 0.1])
    phi0 = true[classes, None, None, None] * sdf.clamp(-1, 1) - 0.2
    phi0 += torch.randn(phi0.shape, generator=generator)
    watch = LevelSetWatch(3)
    for some in torch.arange(32).chunk(batches):
        c = classes[some]
        watch.count(c, c, sdf[some], phi0[some], phi0[some], torch.zeros(len(c)))
    found = slopes(watch.sums['moments'])
    for c in (0, 1):
        own = classes == c
        pair = torch.stack([sdf[own].clamp(-1, 1).flatten(), phi0[own].flatten()]).double()
        expected = torch.cov(pair)[0, 1] / torch.cov(pair)[0, 0]
        torch.testing.assert_close(found[c], expected, rtol=1e-4, atol=0)
    (line,) = unlearnt(watch.sums, NAMES, 0.0)
    assert 'auxiliary_head.smooth' in line
    assert 'auxiliary_head.smooth' not in unlearnt(watch.sums, NAMES, 8.0)[0]
    assert f'chair {found[1]:.2f}' in line and 'cat' not in line and 'boat' not in line
    watch.sums['valid'][1] = 15
    assert unlearnt(watch.sums, NAMES, 0.0) == []


class Log:
    def __init__(self) -> None:
        self.lines = []

    def info(self, text) -> None:
        self.lines.append((logging.INFO, text))

    def log(self, level, text) -> None:
        self.lines.append((level, text))


def test_in_a_training():
    """The head counts what it sees, the hook looks at it at every interval and at the end."""
    head = LevelSetHead([4], [0], 8, num_classes=2, loss_energy=None)
    nn.init.constant_(head.conv_seg.bias, -3.0)  # inside nowhere
    log = Log()
    dataset = SimpleNamespace(metainfo=dict(classes=('background', 'cat', 'chair')))
    runner = SimpleNamespace(
        model=nn.ModuleList([head]), logger=log, train_dataloader=SimpleNamespace(dataset=dataset)
    )
    hook = LevelSetWatchHook(interval=2)
    hook.before_train(runner)
    cam = torch.rand(16, 2, 16, 16)
    cam[:, :, 4:9, 4:9] += 2
    labels = torch.tensor([[1.0, 0.0]]).expand(16, -1)
    for runner.iter in range(3):
        head.trace([torch.randn(16, 4, 16, 16)], torch.rand(16, 3, 64, 64), cam, labels)
        hook.after_train_iter(runner, 0)
        assert len(log.lines) == (0 if runner.iter < 1 else 4)
    hook.after_train(runner)
    texts = [text for _, text in log.lines]
    assert texts[0].startswith("background='auto' of the level sets is now: cat 0.")
    assert texts[1] == "zero='auto', in shares of truncate, is now: cat -1.00, chair 0.00"
    assert (
        texts[2] == 'level sets are inside on, in % of the map: cat 0.0'
    )  # no image shows a chair
    assert texts[3].startswith('cat: level sets are inside on 0.0 %')
    assert [level for level, _ in log.lines[:4]] == 3 * [logging.INFO] + [logging.WARNING]
    # the third iteration, seen at the end, and once what was learnt in the last two looks
    assert len(texts) == 9 and texts[8].startswith('level sets have hardly learnt')
    assert ': cat ' in texts[8]
    log.lines.clear()
    hook.before_train(runner)  # a second training begins anew
    hook.after_train(runner)
    assert log.lines == []


def test_of_two_heads_each_line_says_whose_it_is():
    heads, log = [LevelSetHead([4], [0], 8, num_classes=2, loss_energy=None) for _ in 'ab'], Log()
    runner = SimpleNamespace(
        model=nn.ModuleDict(dict(auxiliary_head=nn.ModuleList(heads))),
        logger=log,
        train_dataloader=SimpleNamespace(dataset=SimpleNamespace(metainfo={})),
    )
    hook = LevelSetWatchHook()
    hook.before_train(runner)
    cam = torch.rand(16, 2, 16, 16)
    cam[:, :, 4:9, 4:9] += 2
    labels = torch.tensor([[1.0, 0.0]]).expand(16, -1)
    for head in heads:
        head.trace([torch.randn(16, 4, 16, 16)], torch.rand(16, 3, 64, 64), cam, labels)
    hook.after_train(runner)
    for i in '01':
        own = [text for _, text in log.lines if text.startswith(f'auxiliary_head.{i}: ')]
        assert len(own) == len(log.lines) / 2 >= 3 and 'hardly learnt' in ' '.join(own)


@pytest.mark.parametrize(
    ('recalls', 'waits', 'said'),
    [
        ((10.0, 80.0), 0, 45),
        ((30.0, 70.0), 0, None),
        ((10.0, 80.0), 1, None),
        ((80.0, 10.0), 1, 10),
        ((10.0, 10.0), 2, None),
    ],
)
def test_a_host_that_knows_no_classes(recalls, waits, said):
    """The mean over the iterations since the last look, of hosts that say it; others are not judged.

    Nor is a host that learns alone, while the level set waits.
    """
    head, log = LevelSetHead([4], [0], 8, num_classes=2, loss_energy=None), Log()
    dataset = SimpleNamespace(metainfo={})
    runner = SimpleNamespace(
        model=head, logger=log, train_dataloader=SimpleNamespace(dataset=dataset)
    )
    hook = LevelSetWatchHook(interval=2)
    hook.before_train(runner)
    for runner.iter, recall in enumerate(recalls):
        head.warmup = dict(sdf=float(runner.iter >= waits), energy=0.0)
        outputs = {'decode.recall_cls': torch.tensor(recall), 'decode.acc_cls': torch.tensor(99.0)}
        hook.after_train_iter(runner, 0, outputs=outputs)
    for runner.iter in (2, 3):
        hook.after_train_iter(runner, 0, outputs={'loss': torch.tensor(1.0)})
    lines = [text for level, text in log.lines if level == logging.WARNING]
    assert len(lines) == (said is not None)
    assert not lines or f'recognises {said} % of the classes' in lines[0]


def test_wrong_settings():
    with pytest.raises(ValueError, match='interval=0'):
        LevelSetWatchHook(interval=0)
    with pytest.raises(ValueError, match='found no LevelSetHead'):
        LevelSetWatchHook().before_train(SimpleNamespace(model=nn.Conv2d(1, 1, 1)))


def test_the_pages_state_the_limits_of_the_warnings() -> None:
    low, high = SHARES
    page, log = ((ROOT / f'docs/en/{name}.md').read_text() for name in PAGES)
    page, log = (' '.join(text.split()) for text in (page, log))
    limits = f'less than {low:g} or more than {high:g} times as large as the masks of their CAM'
    assert f'{limits} (of classes with {FEW} or more masks' in page
    assert f'lower limit is {low:g} and not' in page
    assert f'{low:g} to {high:g} times `aux.area_cam`' in log and f'by {FEW} masks or more' in log
