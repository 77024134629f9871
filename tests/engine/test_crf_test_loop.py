"""A test whose CRFs run in other processes says what one in this process says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from PIL import Image
from torch.utils.data import Dataset

from mmlevelset.parallel import parallel
from mmlevelset.registry import DATASETS, METRICS, MODELS

SIZES = [(20, 31), (24, 18), (17, 22), (30, 30), (19, 25)]
CRF = dict(
    type='mmlevelset.DenseCRF',
    iterations=3,
    gaussian=dict(sxy=1, compat=3),
    bilateral=dict(sxy=10, srgb=5, compat=4),
)


@DATASETS.register_module()
class Pictures(Dataset):
    """Images of several sizes, one view each."""

    metainfo = dict(classes=tuple('abcdef'))

    def __init__(self, folder: str) -> None:
        self.paths = [Path(folder) / f'{i}.png' for i in range(len(SIZES))]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        meta = dict(img_path=str(self.paths[index]), index=index)
        sample = SegDataSample(metainfo=meta)
        return dict(inputs=[torch.zeros(3, *SIZES[index])], data_samples=[sample])


@MODELS.register_module()
class Noise(BaseSegmentor):
    """Logits of six labels, two of which hardly occur; another model at every image."""

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'predict') -> list:
        assert not self.training and not torch.is_grad_enabled()
        for sample in data_samples:
            seed = torch.Generator().manual_seed(sample.index)
            logits = 2 * torch.randn(6, *SIZES[sample.index], generator=seed)
            logits[4:] -= 12
            sample.set_data(dict(seg_logits=PixelData(data=logits)))
        return data_samples

    def test_step(self, data: dict) -> list:
        return self.forward(**data)

    encode_decode = extract_feat = loss = predict = _forward = lambda *_: None


@METRICS.register_module()
class Kept(BaseMetric):
    """All that a metric is shown."""

    def process(self, data_batch: Any, data_samples: list[dict]) -> None:
        (batch,) = data_batch['data_samples'][0]
        for sample in data_samples:
            assert sample['index'] == batch.index
            self.results.append(
                (sample['index'], sample['seg_logits']['data'], sample['pred_sem_seg']['data'])
            )

    def compute_metrics(self, results: list) -> dict[str, Any]:
        return dict(kept=results)


def run(tmp_path: Path, **options: Any) -> list[tuple]:
    init_default_scope('mmseg')
    runner = Runner(
        model=dict(
            type='mmlevelset.SegTTAModel',
            module=dict(type='mmlevelset.Noise'),
            crf=options.pop('crf', CRF),
            crf_tolerance=options.pop('tolerance', 0.0),
        ),
        work_dir=str(tmp_path),
        test_dataloader=dict(
            dataset=dict(type='mmlevelset.Pictures', folder=str(tmp_path)),
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
            batch_size=1,
        ),
        test_evaluator=dict(type='mmlevelset.Kept'),
        test_cfg=dict(type=options.pop('type', 'mmlevelset.CRFTestLoop'), **options),
        default_scope='mmseg',
        experiment_name=f'{len(list(tmp_path.iterdir()))}',
    )
    return runner.test()['kept']


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.RandomState(0)
    for i, size in enumerate(SIZES):
        Image.fromarray(rng.randint(0, 255, (*size, 3)).astype(np.uint8)).save(
            tmp_path / f'{i}.png'
        )
    return tmp_path


def check_same(found: list[tuple], expected: list[tuple], tolerance: float) -> None:
    assert [index for index, *_ in found] == list(range(len(SIZES)))
    for one, other in zip(found, expected, strict=True):
        # Sums of two threads are rounded in another order, and the mean field takes it up.
        torch.testing.assert_close(one[1], other[1], rtol=1e-3, atol=1e-5)
        top = other[1].topk(2, 0).values
        clear = (top[0] - top[1] > 1e-3).expand_as(one[2])  # where no rounding decides
        assert clear.float().mean() > 0.9 and torch.equal(one[2][clear], other[2][clear])
        assert bool(one[1][4:].any()) == (tolerance == 0)  # the two labels that hardly occur


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool works in this process: others take seconds to start."""

    def one_job(function, tasks, total, what, jobs, setup, batch):
        assert jobs == 2
        return parallel(function, tasks, total, what, 1, setup, batch)

    monkeypatch.setattr('mmlevelset.engine.crf_test_loop.parallel', one_job)


@pytest.mark.parametrize('tolerance', [0.0, 0.01])
def test_results_are_those_of_the_usual_loop(folder: Path, here: None, tolerance: float) -> None:
    expected = run(folder, type='TestLoop', tolerance=tolerance)
    check_same(run(folder, jobs=2, tolerance=tolerance), expected, tolerance)


@pytest.mark.slow
def test_in_processes(folder: Path) -> None:
    expected = run(folder, type='TestLoop', tolerance=0.01)
    check_same(run(folder, jobs=2, tolerance=0.01), expected, 0.01)


def test_without_a_crf_it_is_the_usual_loop(folder: Path) -> None:
    expected = run(folder, type='TestLoop', crf=None)
    for one, other in zip(run(folder, jobs=2, crf=None), expected, strict=True):
        assert torch.equal(one[1], other[1])


def test_an_image_that_is_gone_ends_the_test(folder: Path, here: None) -> None:
    (folder / '3.png').unlink()
    with pytest.raises(FileNotFoundError, match='put img_path into the meta_keys'):
        run(folder, jobs=2)
