"""Level sets learn from exported seeds: the guide goes with its image, and takes the CAM's place."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor

from mmlevelset.datasets import LoadGuide, MultiScaleFlip, PackImageLabels, VOCImageLabelDataset
from mmlevelset.fileio.seeds import write_seed
from mmlevelset.models import CAMTTAModel, LevelSetHead
from mmlevelset.structures.fields import get_cams, get_text_similarities
from tests.models.small_hosts import build_host, host_config

CLASSES = ('background', 'cat', 'dog', 'horse')
SIZE = (40, 60)


def seed_map() -> np.ndarray:
    """Rises from left to right, which a flip turns round; multiples of 1/255."""
    return np.broadcast_to(np.arange(SIZE[1]) * 4 / 255, SIZE).astype(np.float32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / 'JPEGImages').mkdir()
    pixels = np.random.RandomState(0).randint(0, 256, (*SIZE, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'JPEGImages/a.jpg')
    (tmp_path / 'train.txt').write_text('a\n')
    (tmp_path / 'labels.json').write_text(json.dumps(dict(classes=CLASSES, labels=dict(a=[2]))))
    write_seed(tmp_path / 'seeds/a.npz', [1], seed_map()[None], SIZE)
    (tmp_path / 'seeds/meta.json').write_text(json.dumps(dict(kind='seeds', images=1)))
    return tmp_path


def dataset(root: Path, flip: float = 0.0, **options) -> VOCImageLabelDataset:
    init_default_scope('mmseg')
    return VOCImageLabelDataset(
        data_root=str(root),
        ann_file='train.txt',
        image_labels='labels.json',
        metainfo=dict(classes=CLASSES),
        guide_dir=str(root / 'seeds'),
        pipeline=[
            dict(type='mmlevelset.CheckedLoadImage'),
            dict(type='Resize', scale=(64, 64), keep_ratio=False),
            dict(type='RandomFlip', prob=flip),
            dict(type='mmlevelset.PackImageLabels'),
        ],
        **options,
    )


@pytest.mark.parametrize('flip', [0.0, 1.0])
def test_the_guide_goes_with_its_image(root: Path, flip: float) -> None:
    guide = dataset(root, flip)[0]['data_samples'].guide
    assert guide.shape == (3, 64, 64) and (guide[[0, 2]] == 0).all()
    row = guide[1, 30].flip(0) if flip else guide[1, 30]
    columns = (np.arange(64) * SIZE[1]) // 64  # nearest, of OpenCV
    np.testing.assert_allclose(row, seed_map()[0, columns], atol=1e-6)
    assert guide[1, 0].equal(guide[1, 63])


def test_another_field(root: Path) -> None:
    """``text_similarity`` goes with its image as well, and takes no CAM's place."""
    data = dataset(root)
    load, _, *rest = data.pipeline.transforms
    text = LoadGuide(str(root / 'seeds'), field='text_similarity')
    data.pipeline.transforms = [load, text, *rest]
    sample, guided = data[0]['data_samples'], dataset(root)[0]['data_samples'].guide
    assert sample.text_similarity.equal(guided) and 'guide' not in sample
    sample.set_data(dict(input_image=torch.zeros(3, 64, 64)))
    assert get_text_similarities([sample]).equal(guided[None])
    sample.set_data(dict(input_image=torch.zeros(3, 64, 96)))
    with pytest.raises(ValueError, match='cannot be padded'):
        get_text_similarities([sample])
    assert get_text_similarities([SegDataSample()]) is None
    with pytest.raises(ValueError, match='choose one of'):
        LoadGuide(str(root / 'seeds'), field='text')


def test_level_sets_learn_from_the_guide(root: Path) -> None:
    """Not from the CAM of the host, whose own loss does not change."""
    model = build_host('cam', level_set=True).train()
    batch = pseudo_collate([dataset(root)[0]] * 2)
    torch.manual_seed(0)
    data = model.data_preprocessor(batch, True)
    losses = model.loss(data['inputs'], data['data_samples'])
    head = next(m for m in model.modules() if isinstance(m, LevelSetHead))
    guides = get_cams(data['data_samples'])
    assert guides.equal(torch.stack([s.guide for s in data['data_samples']]))
    labels = torch.tensor([[0.0, 1, 0]] * 2)
    seen: list[Tensor] = []
    trace = head.trace
    head.trace = lambda *args: seen.append(args[2]) or trace(*args)
    again = model.loss(data['inputs'], data['data_samples'])
    assert seen[0].equal(guides) and labels[0, 1] == 1
    torch.testing.assert_close(again['decode.loss_cls'], losses['decode.loss_cls'])
    assert all(torch.isfinite(v).all() for k, v in again.items() if 'loss' in k)


def test_without_guides_the_cam_is_taken(make_samples: Callable) -> None:
    cam = torch.rand(2, 3, 8, 8)
    assert get_cams(make_samples([[1, 0, 0]] * 2, cam)).equal(cam)
    assert get_cams(make_samples([[1, 0, 0]] * 2)) is None


def test_refusals(root: Path, make_samples: Callable) -> None:
    samples = make_samples([[1, 0, 0]])
    samples[0].set_data({'guide': torch.rand(3, 30, 32)})
    with pytest.raises(ValueError, match='cannot be padded'):
        get_cams(samples)
    write_seed(root / 'seeds/a.npz', [0], seed_map()[None], SIZE)
    with pytest.raises(ValueError, match=r'a.npz: seeds of the classes \[0\]'):
        dataset(root)[0]
    write_seed(root / 'seeds/a.npz', [1], seed_map()[None, :20], (20, 60))
    with pytest.raises(ValueError, match=r'a.npz: a seed of \(20, 60\)'):
        dataset(root)[0]
    mixed = make_samples([[1, 0, 0]] * 2, torch.rand(2, 3, 8, 8))
    mixed[0].set_data({'guide': torch.rand(3, 32, 32)})
    with pytest.raises(ValueError, match='has no guide, and other images of its batch have one'):
        get_cams(mixed)
    (root / 'seeds/a.npz').unlink()
    with pytest.raises(FileNotFoundError, match='npz'):
        dataset(root)


@pytest.mark.parametrize('tta', [False, True])
def test_an_operator_sees_a_loaded_text_at_prediction(root: Path, tta: bool) -> None:
    """Of every view its own, flipped as the image is; without the map the error says where to load it."""
    cfg = host_config('cam', True)
    cfg.auxiliary_head.evolution.text = True
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg).eval()
    head = next(m for m in model.modules() if isinstance(m, LevelSetHead))
    with torch.no_grad():
        for p in head.evolution.parameters():
            p.add_(0.3 * torch.randn_like(p))
    tester = CAMTTAModel(model, seed_source='phi') if tta else model
    write_seed(root / 'even/a.npz', [1], np.full((1, *SIZE), 0.5, np.float32), SIZE)
    seeds = []
    for folder in ('seeds', 'even', None):
        data = dataset(root)
        load, _, resize, *_ = data.pipeline.transforms
        text = [LoadGuide(str(root / folder), field='text_similarity')] if folder else []
        single = [resize, PackImageLabels()]
        views = [MultiScaleFlip(scales=[(64, 64)], masks=False)] if tta else single
        data.pipeline.transforms = [load, *text, *views]
        item = data[0]
        batch = pseudo_collate([item])
        if tta:
            batch = {key: [[one] for one in value] for key, value in item.items()}
        if folder is None:
            with pytest.raises(ValueError, match='text=True.*train, test and tta pipelines'):
                tester.test_step(batch)
            continue
        if tta:
            plain, turned = (sample.text_similarity for sample in item['data_samples'])
            assert turned.equal(plain.flip(2))
        with torch.no_grad():
            (result,) = tester.test_step(batch)
        seeds.append(result.seg_logits.data[2])
    assert not torch.allclose(*seeds, atol=1e-3)
