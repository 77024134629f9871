"""Wiring of LevelSetHead: what it reads, computes, returns, and where its gradients go."""

import pytest
import torch
from torch.nn import functional as F

from mmlevelset.levelset import FNOEvolution, cam_masks, signed_distance, standardise
from mmlevelset.models import LevelSetHead, SDFLoss
from mmlevelset.structures.fields import get_cams, unit_images

LABELS = [[1, 0, 1], [0, 1, 0]]
OPERATOR = dict(
    type='mmlevelset.FNOEvolution', condition_channels=3, shared=True, width=2, modes=4, depth=2
)
ENERGY = dict(type='mmlevelset.LevelSetEnergyLoss', feature_weight=0.6, edge_weight=0.3)


def make_head(**options) -> LevelSetHead:
    """phi^0 from feature map 0, the energy's F from map 1."""
    options = dict(evolution=OPERATOR, loss_energy=ENERGY, data_index=1, background=0.35) | options
    return LevelSetHead(in_channels=(4,), in_index=(0,), channels=8, num_classes=3, **options)


def make_feats(n: int = 2) -> list[torch.Tensor]:
    return [torch.randn(n, 4, 16, 16), torch.randn(n, 6, 8, 8)]


def move_operator(head: LevelSetHead) -> None:
    """Away from the identity that f_LSE starts from."""
    torch.nn.init.normal_(head.evolution.project.weight)


@pytest.mark.parametrize('shared', [True, False])
def test_trace(make_samples, make_blobs, shared):
    """One row per present class, in the order of images and classes."""
    head, feats = make_head(evolution=dict(OPERATOR, shared=shared)), make_feats()
    move_operator(head)
    cam, labels = make_blobs(2, 3), torch.tensor(LABELS)
    image = torch.rand(2, 3, 32, 32)
    trace = head.trace(feats, image, cam, labels)

    assert trace.images.tolist() == [0, 0, 1] and trace.classes.tolist() == [0, 2, 1]
    for name in ('cam', 'sdf', 'phi0', 'phi'):
        assert getattr(trace, name).shape == (3, 1, 16, 16), name
    n, c = trace.images, trace.classes
    assert trace.stride == 2
    torch.testing.assert_close(trace.phi0, head.truncate / 2 * head(feats)[n, c][:, None])
    torch.testing.assert_close(trace.image, F.avg_pool2d(image, 2)[n])
    data = F.interpolate(standardise(feats[1]), (16, 16), mode='bilinear')
    torch.testing.assert_close(trace.data, data[n])
    assert torch.equal(trace.cam, cam[n, c][:, None])
    sdf = signed_distance(cam_masks(cam, labels, head.background), subpixel=True)
    assert torch.equal(trace.sdf, sdf[n, c][:, None])
    assert (trace.sdf.flatten(1).gather(1, trace.cam.flatten(1).argmax(1)[:, None]) > 0).all()
    assert not torch.allclose(trace.phi, trace.phi0)


def test_level_sets_live_on_the_finest_map():
    head = LevelSetHead(
        in_channels=(6, 4), in_index=(1, 0), channels=8, num_classes=3, evolution=OPERATOR
    )
    assert head(make_feats()).shape == (2, 3, 16, 16)


def test_untrained_operator_is_the_identity(make_samples, make_blobs):
    trace = make_head().trace(
        make_feats(), torch.rand(2, 3, 32, 32), make_blobs(2, 3), torch.tensor(LABELS)
    )
    torch.testing.assert_close(trace.phi, trace.phi0)


def test_losses_are_those_of_the_trace(make_samples, make_blobs):
    """Each loss is its module on the maps of the trace, times its warm-up factor."""
    head, feats = make_head(loss_anchor=dict(type='mmlevelset.SDFLoss')), make_feats()
    move_operator(head)
    samples = make_samples(LABELS, make_blobs(2, 3))
    head.warmup.update(sdf=0.5, energy=0.25)
    losses = head.loss(feats, samples)

    trace = head.trace(feats, unit_images(samples), get_cams(samples), torch.tensor(LABELS))
    energy = head.loss_energy(trace.phi, trace.image, trace.data, trace.cam, 2.0)
    expected = {name: 0.25 * value for name, value in energy.items()}
    expected['loss_sdf'] = 0.5 * SDFLoss(truncate=80.0)(trace.phi0, trace.sdf, 2.0)
    expected['loss_anchor'] = 0.5 * SDFLoss(truncate=80.0)(trace.phi, trace.sdf, 2.0)
    expected['area'] = (trace.settled > 0).float().mean()
    expected['area_cam'] = (trace.sdf > 0).float().mean()
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, msg=name)


def test_every_parameter_is_used(make_samples, make_blobs):
    """DDP stops at the second iteration where one is not."""
    head = make_head()
    losses = head.loss(make_feats(), make_samples(LABELS, make_blobs(2, 3)))
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    for name, p in head.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all(), name
    assert head.evolution.project.weight.grad.abs().sum() > 0
    assert head.conv_seg.weight.grad.abs().sum() > 0


def test_gradient_of_the_energy(make_samples, make_blobs):
    """Through phi^0 to the backbone, and not through F, the image or the CAM."""
    head, feats = make_head(), make_feats()
    move_operator(head)
    cam, image = make_blobs(2, 3).requires_grad_(), torch.randn(2, 3, 32, 32, requires_grad=True)
    for feat in feats:
        feat.requires_grad_()
    losses = head.loss(feats, make_samples(LABELS, cam, image))
    sum(value for name, value in losses.items() if 'energy' in name).backward()
    assert feats[0].grad.abs().sum() > 0
    assert feats[1].grad is None and cam.grad is None and image.grad is None


def test_decoupled(make_samples, make_blobs):
    """f_LSI answers for phi^0 and f_LSE for phi^T; together every parameter is trained."""
    head = make_head(decoupled=True, loss_anchor=dict(type='mmlevelset.SDFLoss'))
    move_operator(head)
    losses = head.loss(make_feats(), make_samples(LABELS, make_blobs(2, 3)))

    def trained(*names: str) -> set[str]:
        head.zero_grad()
        sum(v for k, v in losses.items() if k.startswith(names)).backward(retain_graph=True)
        return {k.split('.')[0] for k, p in head.named_parameters() if p.grad is not None}

    assert trained('loss_sdf', 'loss_energy_phi0') == {'initialiser', 'conv_seg'}
    assert trained('loss_anchor', 'loss_energy_features', 'loss_energy_edge') == {'evolution'}


def test_warm_up_trains_no_evolution(make_samples, make_blobs):
    """Before its ramp the energy costs nothing, and DDP still finds every parameter in the graph."""
    head = make_head()
    head.warmup['energy'] = 0.0
    move_operator(head)
    losses = head.loss(make_feats(), make_samples(LABELS, make_blobs(2, 3)))
    assert [name for name in losses if 'energy' in name] == ['loss_energy']
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(p.grad.eq(0).all() for p in head.evolution.parameters())
    assert head.conv_seg.weight.grad.abs().sum() > 0
    head.eval()  # a hook's factor must not reach inference
    feats, image = make_feats(), torch.rand(2, 3, 32, 32)
    trace = head.trace(feats, image, make_blobs(2, 3), torch.tensor(LABELS))
    assert not torch.equal(trace.phi, trace.phi0)


def test_gradient_of_the_sdf_loss(make_samples, make_blobs):
    """To phi^0 only: the CAM is a constant target, the operator is not involved."""
    head, feats = make_head(), make_feats()
    cam = make_blobs(2, 3).requires_grad_()
    feats[0].requires_grad_()
    head.loss(feats, make_samples(LABELS, cam))['loss_sdf'].backward()
    assert feats[0].grad.abs().sum() > 0
    assert cam.grad is None and all(p.grad is None for p in head.evolution.parameters())


@pytest.mark.parametrize(
    'evolution',
    [OPERATOR, dict(OPERATOR, shared=False), dict(type='mmlevelset.ClassicalEvolution')],
    ids=['shared', 'per class', 'classical'],
)
@pytest.mark.parametrize('case', ['no label', 'no contour'])
def test_batch_without_a_level_set(make_samples, make_blobs, evolution, case):
    """Zero losses with zero, not missing, gradients for every parameter."""
    head = make_head(evolution=evolution)
    labels, cam = [[0, 0, 0], [0, 0, 0]], make_blobs(2, 3)
    if case == 'no contour':  # a full mask and an empty one
        labels = [[1, 0, 0], [0, 1, 0]]
        cam = torch.stack([torch.ones(3, 16, 16), torch.zeros(3, 16, 16)])
    losses = head.loss(make_feats(), make_samples(labels, cam))
    assert {name: value.item() for name, value in losses.items()} == dict.fromkeys(losses, 0.0)
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    for name, p in head.named_parameters():
        assert p.grad is not None and (p.grad == 0).all(), name


def test_absent_classes_cost_nothing(make_samples, make_blobs):
    """The shared operator sees as many maps as there are present classes."""
    head, rows = make_head(), []
    head.evolution.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    head.loss(make_feats(), make_samples(LABELS, make_blobs(2, 3)))
    head.seeds(make_feats(), torch.rand(2, 3, 32, 32), torch.tensor([[0, 0, 1], [0, 0, 0]]))
    assert rows == [3, 1]


def test_seeds():
    """Zero for absent classes, above one half inside the contour of phi^T for the others."""
    head, feats, image = make_head(), make_feats(), torch.rand(2, 3, 32, 32)
    move_operator(head)
    labels = torch.tensor(LABELS)
    seeds = head.seeds(feats, image, labels)
    assert seeds.shape == (2, 3, 16, 16)
    assert (seeds[labels == 0] == 0).all()
    for n, c in labels.nonzero().tolist():
        maps = [f[n : n + 1] for f in feats]
        data = F.interpolate(standardise(maps[1]), (16, 16), mode='bilinear')
        phi0 = head.truncate / 2 * head(maps)[:, c : c + 1]
        phi = head.evolve(phi0, F.avg_pool2d(image[n : n + 1], 2), data)[0, 0]
        # 16 pixels of the image; phi is tens of pixels, one or all at once round by some 1e-5
        torch.testing.assert_close(seeds[n, c], torch.sigmoid(phi / 8), rtol=0, atol=1e-4)
    assert (head.seeds(feats, image, torch.zeros(2, 3)) == 0).all()


def test_own_cam_head(make_samples):
    """Supervised models write no CAM: the head's own classifier trains along."""
    head = make_head(cam_head=dict(type='mmlevelset.CAMHead', in_channels=6))
    samples = make_samples(LABELS)
    losses = head.loss(make_feats(), samples)
    assert {'loss_cls', 'acc_cls', 'loss_sdf'} <= losses.keys()
    assert samples[0].cam.shape == (3, 8, 8)
    losses['loss_cls'].backward()
    assert head.cam_head.conv_seg.weight.grad.abs().sum() > 0


def test_without_energy(make_samples, make_blobs):
    """Table 2, CAM + L_MSE: phi^T is phi^0, and no operator is made."""
    head = make_head(loss_energy=None)
    losses = head.loss(make_feats(), make_samples(LABELS, make_blobs(2, 3)))
    assert losses.keys() == {'loss_sdf', 'area', 'area_cam'} and head.evolution is None


def test_classical_evolution(make_samples, make_blobs):
    head = make_head(evolution=dict(type='mmlevelset.ClassicalEvolution'))
    trace = head.trace(
        make_feats(), torch.rand(2, 3, 32, 32), make_blobs(2, 3), torch.tensor(LABELS)
    )
    assert trace.phi.shape == (3, 1, 16, 16) and not trace.phi.requires_grad
    losses = head.loss(make_feats(), make_samples(LABELS, make_blobs(2, 3)))
    assert all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('zero', [0.0, 'auto'])
def test_a_head_cast_to_half_precision_predicts(dtype, zero):
    head = make_head(zero=zero).to(dtype).eval()
    feats = [feature.to(dtype) for feature in make_feats()]
    phis = head.level_sets(feats, torch.rand(2, 3, 32, 32, dtype=dtype), torch.tensor(LABELS))
    assert all(phi.isfinite().all() for phi in phis)


def test_the_energy_reads_the_last_map_of_phi_by_default():
    """Not the last of the host, behind whose maps may stand the image."""
    head = LevelSetHead([4, 6], [0, 1], 8, num_classes=3, evolution=OPERATOR, loss_energy=ENERGY)
    feats, image = make_feats(), torch.rand(2, 3, 32, 32)
    pairs = torch.tensor(LABELS).nonzero(as_tuple=True)
    seen = head.evolve_pairs([*feats, image], image, torch.zeros(2, 3, 16, 16), pairs)[1]
    assert seen.shape[1] == 6


def test_smoothing_is_in_pixels_of_the_image():
    """A speck of the CAM goes, an object stays; the same at stride 2 and 4."""
    for size in (16, 32):
        image, scale = torch.rand(1, 3, 64, 64), size // 16
        cam = torch.zeros(1, 3, size, size)
        cam[0, 0, 4 * scale : 11 * scale, 3 * scale : 10 * scale] = 1.0
        cam[0, 0, 13 * scale : 14 * scale, 13 * scale : 14 * scale] = 1.0
        feats = [torch.randn(1, 4, size, size), torch.randn(1, 6, 8, 8)]
        labels = torch.tensor([[1, 0, 0]])
        sharp = make_head().trace(feats, image, cam, labels).sdf[0, 0] > 0
        smooth = make_head(smooth=4.0).trace(feats, image, cam, labels).sdf[0, 0] > 0
        corner = (slice(12 * scale, None), slice(12 * scale, None))
        assert sharp[corner].any() and not smooth[corner].any()
        assert smooth[5 * scale : 10 * scale, 4 * scale : 9 * scale].all()
    with pytest.raises(ValueError, match='smooth is -1, expected a number >= 0'):
        make_head(smooth=-1)


def test_contract(make_samples, make_blobs):
    """Each missing piece is named with its cure."""
    head, cam = make_head(), make_blobs(2, 3)
    with pytest.raises(ValueError, match=r'mmlevelset\.CAMHead.*cam_head=dict'):
        head.loss(make_feats(), make_samples(LABELS))
    samples = make_samples(LABELS, cam)
    del samples[1].input_image
    with pytest.raises(ValueError, match=r'mmlevelset\.LevelSetPreProcessor'):
        head.loss(make_feats(), samples)
    samples = make_samples(LABELS, cam)
    del samples[1].img_label
    with pytest.raises(ValueError, match='img_label.*meta_keys'):
        head.loss(make_feats(), samples)
    with pytest.raises(ValueError, match=r'shape \(4,\), expected \(3,\).*num_classes'):
        head.loss(make_feats(), make_samples([[1, 0, 0, 0], [0, 1, 0, 0]], cam))


@pytest.mark.parametrize('evolution', [None, dict(shared=True)])
def test_the_operator_sees_the_image(evolution):
    """Whatever a config says of it, but for the literal reading of eq 8."""
    assert make_head(evolution=evolution).evolution.condition_channels == 3


def test_parts_without_a_type_or_with_the_number_of_classes():
    """As the defaults of the signature; what a part says itself prevails."""
    evolution, anchor = dict(condition_channels=2, width=4), dict(loss_weight=0.5)
    cam_head = dict(type='mmlevelset.CAMHead', in_channels=8, num_classes=3)
    head = make_head(evolution=evolution, loss_anchor=anchor, cam_head=cam_head)
    assert isinstance(head.evolution, FNOEvolution) and head.evolution.num_classes == 3
    assert isinstance(head.loss_anchor, SDFLoss) and head.loss_anchor.truncate == head.truncate
    assert head.cam_head.num_classes == 3


def test_wrong_feature_maps(make_samples, make_blobs):
    labels = [[1, 1, 0], [0, 1, 1]]
    samples = make_samples(labels, make_blobs(2, 3))
    for index in (7, -1):  # the last map of some hosts is the image
        message = f'data_index={index}, .*gives 2 feature maps: expected 0 to 1'
        with pytest.raises(ValueError, match=message):
            make_head(data_index=index).loss(make_feats(), samples)
    feats = [torch.cat([f, f], 1) for f in make_feats()]
    with pytest.raises(ValueError, match=r'the feature maps have \[.*in_channels says \['):
        make_head().loss(feats, samples)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(in_channels=[4]), r'in_channels=\[4\] and in_index=\[0, 1\], expected as many'),
        (dict(in_channels=4), 'in_channels=4 and in_index=.*expected as many channels as indices'),
        (dict(channels='abc'), "channels must be a whole number of at least 1, got 'abc'"),
    ],
)
def test_lists_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        LevelSetHead(
            **dict(in_channels=[4, 6], in_index=[0, 1], channels=8, num_classes=3) | options
        )


@pytest.mark.parametrize(
    ('name', 'values', 'limits'),
    [
        ('zero', (-1, 1, 1.5, -20.0, float('nan'), 'atuo', None), r'in \(-1, 1\)'),
        ('background', (-0.1, 1, 35, 'atuo', None), r'in \[0, 1\)'),
        ('truncate', (0, -80.0, float('inf'), 'auto'), '> 0'),
    ],
)  # fmt: skip
def test_levels_that_cannot_be(name, values, limits):
    for value in values:
        with pytest.raises(ValueError, match=f'{name} is {value!r}, expected a number {limits}'):
            make_head(**{name: value})


def test_an_image_of_another_view(make_samples, make_blobs):
    """Features of a turned image: refused in training and in prediction."""
    feats = [torch.randn(2, 4, 24, 16), torch.randn(2, 6, 12, 8)]
    image = torch.randn(2, 3, 64, 96)
    with pytest.raises(ValueError, match='feature maps of 24 x 16 pixels and an image of 64 x 96'):
        make_head().loss(feats, make_samples(LABELS, make_blobs(2, 3), image))
    with pytest.raises(ValueError, match='different aspects'):
        make_head().level_sets(feats, image.sigmoid(), torch.tensor(LABELS))
