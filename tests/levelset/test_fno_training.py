"""The operator with the machinery of real training: DDP, AMP, EMA, compilation, resuming."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mmlevelset.levelset import FNOEvolution, SpectralConv2d


def make(mixing='diag', dtype=torch.float64):
    """In float64, so that only a mistake is larger than the rounding, whatever the processor."""
    torch.manual_seed(0)
    net = FNOEvolution(3, modes=4, depth=2, mixing=mixing, width=2, condition_channels=0)
    nn.init.normal_(net.project.weight)
    return net.to(dtype)


def batch(size=(10, 13), dtype=torch.float64):
    torch.manual_seed(1)
    return torch.randn(4, 3, *size).to(dtype)


def evolve(net, phi):
    """By the contract of evolutions; without condition channels the operator sees phi alone."""
    return net(phi, torch.zeros_like(phi), torch.zeros_like(phi))


def loss_of(net, phi):
    return (evolve(net, phi) - phi.flip(3)).square().mean()


def step(net, optimiser, phi):
    optimiser.zero_grad()
    loss = loss_of(net, phi)
    loss.backward()
    optimiser.step()
    return loss.item()


def worker(rank, path, queue):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{path}', rank=rank, world_size=2
    )
    for mixing in ('diag', 'full'):
        net = DistributedDataParallel(make(mixing))
        for _ in range(2):  # unused parameters would fail the second iteration
            net.zero_grad()
            loss_of(net, batch()[2 * rank : 2 * rank + 2]).backward()
        if rank == 0:
            queue.put([p.grad.numpy() for p in net.parameters()])
    torch.distributed.barrier()
    del net  # the reducer must not outlive the process group
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_the_gradients_of_one(tmp_path):
    queue = torch.multiprocessing.get_context('spawn').SimpleQueue()
    torch.multiprocessing.spawn(worker, (tmp_path / 'store', queue), nprocs=2)
    for mixing in ('diag', 'full'):
        net = make(mixing)
        loss_of(net, batch()).backward()
        for parameter, grad in zip(net.parameters(), queue.get(), strict=True):
            torch.testing.assert_close(parameter.grad, torch.from_numpy(grad))


@pytest.mark.parametrize('options', [dict(fused=True), dict(foreach=True)])
def test_adamw_implementations_agree(options):
    results = []
    for choice in (options, dict(foreach=False)):
        net = make()
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2, **choice)
        losses = [step(net, optimiser, batch()) for _ in range(5)]
        results.append(losses[-1])
    assert losses[-1] < 0.9 * losses[0]
    assert results[0] == pytest.approx(results[1], rel=1e-9)


def test_grad_scaler_unscales_and_skips_overflow():
    net, plain = make(), make()
    scaler = torch.amp.GradScaler('cpu', init_scale=1024.0)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    scaler.scale(loss_of(net, batch())).backward()
    scaler.unscale_(optimiser)
    loss_of(plain, batch()).backward()
    for a, b in zip(net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    scaler.step(optimiser)
    scaler.update()
    before = copy.deepcopy(net.state_dict())
    optimiser.zero_grad()
    scaler.scale(loss_of(net, batch()) * torch.inf).backward()
    scaler.step(optimiser)
    scaler.update()
    assert scaler.get_scale() == 512
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_exponential_moving_averages():
    # here, because the two processes import this file as well
    from mmengine.model import ExponentialMovingAverage

    net = make()
    start = copy.deepcopy(net.state_dict())
    averages = (
        AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.75)),
        ExponentialMovingAverage(net, momentum=0.25),
    )
    for average in averages:
        average.update_parameters(net)  # the first update copies
    step(net, torch.optim.SGD(net.parameters(), lr=0.1), batch())
    for average in averages:
        average.update_parameters(net)
        for key, value in average.module.state_dict().items():
            torch.testing.assert_close(value, 0.75 * start[key] + 0.25 * net.state_dict()[key])
        assert evolve(average, batch()).isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize('mixing, size', [('diag', (10, 13)), ('full', (64, 20))])
def test_compiles_without_graph_break(mixing, size):
    torch.compiler.reset()
    net, phi = make(mixing), batch(size)
    compiled = torch.compile(net, backend='aot_eager', fullgraph=True, dynamic=False)
    outputs = evolve(compiled, phi), evolve(net, phi)
    torch.testing.assert_close(*outputs)
    grads = [torch.autograd.grad(out.square().sum(), [*net.parameters()]) for out in outputs]
    torch.testing.assert_close(*grads)


def test_exports():
    net, phi = make().eval(), batch((11, 12))
    program = torch.export.export(net, (phi, phi, phi))
    torch.testing.assert_close(program.module()(phi, phi, phi), net(phi, phi, phi))
    net(phi, phi, phi).sum().backward()


def test_resume_is_bit_equal():
    def fresh():
        net = make()
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
        return net, optimiser

    net, optimiser = fresh()
    for _ in range(2):
        step(net, optimiser, batch())
    file = io.BytesIO()
    torch.save(dict(net=net.state_dict(), optimiser=optimiser.state_dict()), file)
    straight = [step(net, optimiser, batch()) for _ in range(2)]

    file.seek(0)
    state = torch.load(file, weights_only=True)
    net, optimiser = fresh()
    net.load_state_dict(state['net'])
    optimiser.load_state_dict(state['optimiser'])
    assert [step(net, optimiser, batch()) for _ in range(2)] == straight


def test_copies_and_pickles():
    net, phi = make(), batch()
    expected = evolve(net, phi)  # fills the cache of bases
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(evolve(twin, phi), expected)


def test_autocast_trains_in_float32():
    net, phi = make(dtype=torch.float32), batch(dtype=torch.float32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = loss_of(net, phi)
    loss.backward()
    grads = [p.grad for p in net.parameters()]
    plain = make(dtype=torch.float32)
    loss_of(plain, phi).backward()
    torch.testing.assert_close(grads, [p.grad for p in plain.parameters()])


@pytest.mark.parametrize('mixing', ['diag', 'full'])
@pytest.mark.parametrize('dtype, tolerance', [(torch.bfloat16, 2e-2), (torch.float16, 2e-3)])
@pytest.mark.parametrize('size', [28, 112])
def test_half_precision(mixing, dtype, tolerance, size):
    torch.manual_seed(0)
    net = FNOEvolution(4, mixing=mixing, condition_channels=0)
    nn.init.normal_(net.project.weight)
    conv = SpectralConv2d(4, 12, mixing)
    phi = torch.randn(2, 4, size, size)
    for module, run in ((net, FNOEvolution.operator), (conv, SpectralConv2d.forward)):
        expected = run(module, phi)
        mixed = run(module, phi.to(dtype))
        assert mixed.dtype == torch.float32
        half = run(copy.deepcopy(module).to(dtype), phi.to(dtype))
        assert half.dtype == dtype
        for out in (mixed, half):
            assert (out - expected).square().mean().sqrt() < tolerance * expected.std()
        half.float().square().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
