"""What the MuSCLe host adds to the official network: two steps per batch, views, mixed precision, DDP."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, distributed, nn

from mmlevelset.config import read_config
from mmlevelset.models import MuSCLeDistributedDataParallel
from mmlevelset.models.heads.muscle_head import MuSCLeHead

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/seed/muscle'
pytestmark = pytest.mark.usefixtures('epoch')


def small(level_set: bool = False, **begins: float) -> nn.Module:
    """MuSCLe at Lite0 size with random weights."""
    name = 'efficientnet-lite0_levelset_voc8' if level_set else 'efficientnet-lite0_voc8'
    cfg = read_config(str(CONFIGS / f'{name}.py')).model
    cfg.backbone.update(init_cfg=None, frozen_cache=None)
    cfg.data_preprocessor.size = (64, 64)
    cfg.decode_head.update(begins)
    init_default_scope('mmseg')
    return MODELS.build(cfg)


def batch(seed: int = 0) -> dict:
    """Two images of 64 pixels with views of 48 that overlap in 40 x 36."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)

    samples = []
    for classes in ((0,), (1, 6)):
        label = np.zeros(8, np.float32)
        label[list(classes)] = 1
        samples.append(SegDataSample(metainfo=dict(img_label=label, img_shape=(64, 64))))
        boxes = torch.tensor([[8, 0, 40, 36], [0, 12, 40, 36]])
        samples[-1].set_data(dict(views=noise(2, 3, 48, 48), view_boxes=boxes))
    return dict(inputs=list(noise(2, 3, 64, 64)), data_samples=samples)


def adam(model: nn.Module) -> OptimWrapper:
    return build_optim_wrapper(model, dict(optimizer=dict(type='Adam', lr=1e-3)))


def steps_of(wrapper: OptimWrapper, p: Tensor) -> int:
    state = wrapper.optimizer.state
    return int(state[p]['step']) if p in state else 0


def test_schedule(epoch):
    """Losses come in at their epochs; the second update leaves classifier and level set alone."""
    model = small(level_set=True, imc_begin=1 / 16, pixpro_begin=2 / 16, emd_begin=3 / 16)
    wrapper, expected, head = adam(model), {'focal', 'softmargin', 'lsep', 'er'}, model.decode_head
    for number, new in enumerate(((), ('imc',), ('pixpro',), ('emd',))):
        epoch(number)
        logs = model.train_step(batch(), wrapper)
        expected |= set(new)
        assert {key[12:] for key in logs if key.startswith('decode.loss_')} == expected
        assert all(torch.isfinite(value).all() for value in logs.values())
        assert ('loss_views' in logs) == (number >= 2)
        first = sum(v for k, v in logs.items() if '.loss_' in k and k[12:] not in ('pixpro', 'emd'))
        torch.testing.assert_close(logs['loss'], first)
        assert model.training and not model.backbone._bn0.training
    assert steps_of(wrapper, head.fuse.weight) == 6
    assert steps_of(wrapper, head.conv_seg.weight) == 4
    assert steps_of(wrapper, model.auxiliary_head.conv_seg.weight) == 4


def test_modes_and_statistics(epoch):
    """The first step moves the running statistics of batch norms, the second does not."""
    epoch(2)
    model = small(pixpro_begin=2 / 16)
    model.backbone.norm_eval = False
    norm, seen = model.backbone._blocks[-1]._bn2, []
    norm.register_forward_pre_hook(
        lambda module, _: seen.append((module.training, torch.is_grad_enabled()))
    )
    model.train_step(batch(), adam(model))
    assert seen == [(True, True), (False, True), (False, False)]
    assert norm.num_batches_tracked == 1 and norm.training


def test_views_are_not_memoised(epoch, tmp_path):
    """Only whole images go to the store."""
    epoch(2)
    cfg = read_config(str(CONFIGS / 'efficientnet-lite0_voc8.py')).model
    cfg.backbone.update(init_cfg=None, frozen_cache=str(tmp_path / 'store'))
    cfg.data_preprocessor.size = (64, 64)
    model = MODELS.build(cfg)
    model.train_step(batch(), adam(model))
    assert len(list(tmp_path.rglob('*.npz'))) == 2 and model.backbone.cache is not None


def test_views_are_normalised_as_images(epoch):
    """A view that is the image gives the features of the image."""
    model, seen = small().eval(), []
    data = batch()
    for x, sample in zip(data['inputs'], data['data_samples'], strict=True):
        sample.views = torch.stack([x, x])
        sample.view_boxes = torch.tensor([[0, 0, 64, 64]] * 2)
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    data = model.data_preprocessor(data, True)
    model.loss_views(data['data_samples'])
    assert len(seen) == 2 and all(torch.equal(x, data['inputs']) for x in seen)


def test_user_mistakes(epoch):
    epoch(9)
    with pytest.raises(ValueError, match="choose 'cam' or 'sgc'"):
        MuSCLeHead(2, (8, 8), (0, 1), guide='seam')
    with pytest.raises(ValueError, match='imc_begin=4, expected a share'):
        MuSCLeHead(2, (8, 8), (0, 1), imc_begin=4)
    model, data = small(), batch()
    for sample in data['data_samples']:
        del sample.views
    with pytest.raises(ValueError, match='OverlappingViews'):
        model.train_step(data, adam(model))
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1), accumulative_counts=2)
    with pytest.raises(ValueError, match='accumulative_counts must be 1'):
        model.train_step(batch(), wrapper)


def test_half_precision(epoch):
    """Under bfloat16 autocast maps and losses stay in float32, and both steps are finite."""

    class Autocast(OptimWrapper):
        @contextmanager
        def optim_context(self, model):
            with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
                yield

    epoch(4)
    torch.manual_seed(0)
    model = small()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        feats = model.extract_feat(torch.randn(1, 3, 64, 64))
        assert feats[3].dtype == torch.bfloat16
        assert {t.dtype for t in model.decode_head.maps(feats)} == {torch.float32}
    logs = model.train_step(batch(), Autocast(torch.optim.Adam(model.parameters(), 1e-4)))
    assert all(torch.isfinite(value).all() for value in logs.values()) and 'loss_views' in logs


def _rank(rank: int, store: str, out: str) -> None:
    """One of two processes: two iterations on its own images."""
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', f'file://{store}', rank=rank, world_size=2)
    MessageHub.get_current_instance().update_info('epoch', 4)
    torch.manual_seed(0)
    model = small(level_set=True)
    options = dict(broadcast_buffers=False, find_unused_parameters=True)
    ddp = MuSCLeDistributedDataParallel(model, **options)
    wrapper = adam(model)
    for _ in range(2):
        ddp.train_step(batch(rank), wrapper)
    counts = {key: steps_of(wrapper, p) for key, p in model.named_parameters() if p.requires_grad}
    error = ''
    try:
        MMDistributedDataParallel(model, **options).train_step(batch(rank), wrapper)
    except ValueError as caught:
        error = str(caught)
    torch.save(dict(state=model.state_dict(), counts=counts, error=error), f'{out}/{rank}.pth')
    distributed.barrier()
    del ddp  # the reducer must not outlive the process group
    distributed.destroy_process_group()


def test_two_processes(tmp_path):
    """Both steps synchronise; the wrong wrapper is refused instead of dropping the second step."""
    processes = torch.multiprocessing.get_context('fork')
    ranks = [
        processes.Process(target=_rank, args=(r, str(tmp_path / 'store'), str(tmp_path)))
        for r in (0, 1)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(120)
        assert process.exitcode == 0
    first, second = (torch.load(tmp_path / f'{r}.pth', weights_only=True) for r in (0, 1))
    trained = first['counts']
    assert all(torch.equal(first['state'][key], second['state'][key]) for key in trained)
    once = {key for key, count in trained.items() if count == 2}
    assert {c for c in trained.values()} == {2, 4}
    assert 'decode_head.conv_seg.weight' in once and 'decode_head.fuse.weight' not in once
    assert all(key.startswith(('auxiliary_head', 'decode_head.conv_seg')) for key in once)
    assert 'MuSCLeDistributedDataParallel' in first['error']
