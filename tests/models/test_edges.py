"""Learnt edges go with their image, and the energy looks at them beside those of the colours."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmcv.transforms import CenterCrop, RandomFlip
from mmengine.dataset import pseudo_collate
from mmseg.structures import SegDataSample
from PIL import Image

from mmlevelset.datasets import LoadEdges, VOCImageLabelDataset
from mmlevelset.fileio.meta import write_meta
from mmlevelset.levelset import LevelSetTrace, contour_length, edge_map
from mmlevelset.levelset.energy_loss import LEAST, MISSING, LevelSetEnergyLoss
from mmlevelset.models import LevelSetHead
from mmlevelset.registry import TRANSFORMS
from mmlevelset.structures.fields import get_edges
from tests.models.small_hosts import build_host
from tests.models.test_guide import SIZE, dataset, root  # noqa: F401  a fixture


@pytest.fixture
def edges(root: Path) -> Path:  # noqa: F811
    """The probability of an edge rises from left to right."""
    (root / 'edges').mkdir()
    ramp = np.broadcast_to(np.arange(SIZE[1], dtype=np.uint8) * 4, SIZE)
    Image.fromarray(np.ascontiguousarray(ramp)).save(root / 'edges/a.png')
    return root


@pytest.mark.parametrize('flip', [0.0, 1.0])
def test_edges_go_with_their_image(edges: Path, flip: float) -> None:
    """Beside a guide, through the same changes of shape."""
    sample = dataset(edges, flip, edge_dir=str(edges / 'edges'))[0]['data_samples']
    assert sample.edge.shape == (1, 64, 64) and sample.edge.max() > 0.9
    assert sample.edge[0].equal(sample.guide[1])  # the same ramp


def test_edges_that_do_not_fit(edges: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no edges .*b.png; check edge_dir'):
        LoadEdges(str(edges / 'edges')).transform(dict(img_path='x/b.jpg', img_shape=SIZE))
    with pytest.raises(ValueError, match=r'edges of \(40, 60\) .* the image has \(9, 9\)'):
        LoadEdges(str(edges / 'edges')).transform(dict(img_path='x/a.jpg', img_shape=(9, 9)))
    (edges / 'edges/a.png').unlink()
    with pytest.raises(FileNotFoundError, match='edges'):  # found when the data set is built
        dataset(edges, edge_dir=str(edges / 'edges'))[0]


@pytest.mark.parametrize(
    ('mode', 'value', 'message'),
    [
        ('P', 200, 'got a picture of mode P, expected grey of 8 bits'),  # a mask
        ('RGB', 200, 'got a picture of mode RGB'),
        ('I;16', 40000, 'got a picture of mode I;16'),
        ('L', 1, 'got nothing above 1, expected .* 255 where an edge is certain'),
        ('L', 0, None),  # an image without an edge
        ('1', 1, None),
    ],
)
def test_pictures_of_edges(tmp_path: Path, mode: str, value: int, message: str | None) -> None:
    Image.new(mode, (6, 4), value).save(tmp_path / 'a.png')
    results = dict(img_path='x/a.jpg', img_shape=(4, 6))
    if message:
        with pytest.raises(ValueError, match=f'a.png: {message}'):
            LoadEdges(str(tmp_path)).transform(results)
    else:
        edge = LoadEdges(str(tmp_path)).transform(results)['edge']
        assert edge.dtype == np.uint8 and (edge == 255 * value).all()


def test_a_folder_of_masks_is_none_of_edges(tmp_path: Path) -> None:
    write_meta(tmp_path, kind='masks')
    with pytest.raises(ValueError, match='holds masks by its meta.json, expected edges'):
        LoadEdges(str(tmp_path))


@pytest.mark.parametrize('name', ['RandomPlacedCrop', 'RandomResizedCrop', 'RandAugment'])
def test_transforms_that_would_move_the_image_alone(name: str) -> None:
    options = dict(RandomPlacedCrop=dict(crop_size=(4, 4), pad_val=(0, 0, 0)))
    options['RandomResizedCrop'] = dict(size=(4, 4))
    transform = TRANSFORMS.build(dict(type=f'mmlevelset.{name}', **options.get(name, {})))
    results = dict(img=np.zeros((8, 8, 3), np.uint8), img_path='a.jpg', img_shape=(8, 8))
    transform(dict(results))
    for field in ('guide', 'edge', 'text_similarity'):
        with pytest.raises(ValueError, match=f'a.jpg: {name} moves the image and not its {field}'):
            transform({**results, field: np.zeros((8, 8), np.uint8)})


CROP = dict(type='CenterCrop', crop_size=4)


@pytest.mark.parametrize(
    ('step', 'name'),
    [
        (CROP, 'CenterCrop'),
        (dict(type='Pad', size=(9, 9)), 'Pad'),
        (dict(type=CenterCrop, crop_size=4), 'CenterCrop'),
        (dict(type='RandomApply', transforms=[CROP]), 'CenterCrop'),
        (dict(type='RandomChoice', transforms=[[CROP], []]), 'CenterCrop'),
        (
            dict(type=RandomFlip, prob=0.5),
            'mmcv.RandomFlip',
        ),  # mmsegmentation's flips the maps as well
        (CenterCrop(4), 'CenterCrop'),
    ],
)
def test_a_pipeline_that_moves_the_image_alone(edges: Path, step: Any, name: str) -> None:
    first, last = (
        dict(type=f'mmlevelset.{name}') for name in ('CheckedLoadImage', 'PackImageLabels')
    )
    options = dict(data_root=str(edges), ann_file='train.txt')
    moved = dict(options, pipeline=[first, step, last])
    with pytest.raises(
        ValueError, match=f'{name} moves an image and not the maps that LoadEdges loads'
    ):
        VOCImageLabelDataset(**moved, edge_dir=str(edges / 'edges'))
    VOCImageLabelDataset(**moved)  # nothing is loaded
    for pipeline in ({}, dict(pipeline=[])):
        with pytest.raises(ValueError, match="ends with 'mmlevelset.PackImageLabels'"):
            VOCImageLabelDataset(**options, **pipeline, edge_dir=str(edges / 'edges'))


def test_a_placed_image_is_not_moved_again(edges: Path) -> None:
    placed = dict(type='mmlevelset.RandomPlacedCrop', crop_size=(8, 8), pad_val=(0, 0, 0))
    first, last = (
        dict(type=f'mmlevelset.{name}') for name in ('CheckedLoadImage', 'PackImageLabels')
    )
    options = dict(data_root=str(edges), ann_file='train.txt')
    flip = dict(type='RandomFlip', prob=0.5)
    VOCImageLabelDataset(**options, pipeline=[first, flip, placed, last])
    with pytest.raises(
        ValueError, match='RandomFlip moves an image that RandomPlacedCrop has placed'
    ):
        VOCImageLabelDataset(**options, pipeline=[first, placed, flip, last])


def test_a_pipeline_that_hands_nothing_on(edges: Path) -> None:
    pipeline = [dict(type='mmlevelset.CheckedLoadImage'), dict(type='PackSegInputs')]
    options = dict(data_root=str(edges), ann_file='train.txt', pipeline=pipeline)
    with pytest.raises(ValueError, match="ends with 'mmlevelset.PackImageLabels'"):
        VOCImageLabelDataset(**options, edge_dir=str(edges / 'edges'))


def test_a_batch_has_all_its_edges_or_none() -> None:
    image, edge = torch.zeros(3, 8, 8), torch.ones(1, 8, 8)
    bare = SegDataSample(metainfo=dict(img_path='b.jpg'))
    full = SegDataSample(metainfo=dict(img_path='a.jpg', img_shape=(8, 8)))
    bare.set_data(dict(input_image=image))
    full.set_data(dict(input_image=image, edge=edge))
    assert get_edges([bare]) is None and get_edges([full]).equal(edge[None])
    with pytest.raises(ValueError, match='b.jpg has no edge, .* edge_dir'):
        get_edges([full, bare])
    full.set_data(dict(input_image=torch.zeros(3, 8, 16)))
    with pytest.raises(ValueError, match='cannot be padded'):
        get_edges([full])


@pytest.mark.parametrize('share', [0.0, 0.5, 1.0])
def test_the_stopping_function_is_a_mean(share: float) -> None:
    """Of 1 - e and that of the image, as far as ``edge_share`` says; where both vanish, a little is left."""
    torch.manual_seed(0)
    loss = LevelSetEnergyLoss(feature_weight=0.0, edge_weight=1.0, edge_share=share)
    phi, image = 3 * torch.randn(2, 1, 16, 16), torch.rand(2, 3, 16, 16)
    edge = torch.rand(2, 1, 32, 32)
    edge[0] = 1
    g = share * (1 - torch.nn.functional.avg_pool2d(edge, 2)) + (1 - share) * edge_map(
        image, (16, 16), 0.02 * 8
    )
    expected = contour_length(phi, 4 / 8, g.clamp_min(LEAST), MISSING / 8)
    found = loss.energies(phi, image, image, None, 8.0, None, edge)['edge']
    torch.testing.assert_close(found, expected)
    plain = loss.energies(phi, image, image, None, 8.0)['edge']
    assert torch.equal(found, plain) == (share == 0)


@pytest.mark.parametrize('share', [-0.1, 1.1, 'all'])
def test_a_share_that_is_none(share: object) -> None:
    with pytest.raises(ValueError, match='edge_share is .*, expected a number in'):
        LevelSetEnergyLoss(edge_share=share)


def test_a_training_learns_from_its_edges(edges: Path) -> None:
    """The energies that see an edge change, no other loss does."""
    found = []
    for options in ({}, dict(edge_dir=str(edges / 'edges'))):
        model = build_host('cam', level_set=True).train()
        head = next(m for m in model.modules() if isinstance(m, LevelSetHead))
        head.loss_energy = LevelSetEnergyLoss(feature_weight=0.6, edge_weight=0.3)
        torch.manual_seed(0)
        data = model.data_preprocessor(pseudo_collate([dataset(edges, **options)[0]] * 2), True)
        found.append(model.loss(data['inputs'], data['data_samples']))
    plain, learnt = found
    differ = {key for key in plain if not torch.equal(plain[key], learnt[key])}
    assert {key.rpartition('.')[2] for key in differ} <= {'loss_energy_edge', 'loss_energy_phi0'}
    assert any(key.endswith('loss_energy_edge') for key in differ)


@pytest.mark.parametrize('energy', [None, dict(edge_weight=0.0), dict(edge_share=0.0)])
def test_edges_that_nothing_looks_at(edges: Path, energy: dict | None) -> None:
    model = build_host('cam', level_set=True).train()
    head = next(m for m in model.modules() if isinstance(m, LevelSetHead))
    head.loss_energy = energy and LevelSetEnergyLoss(**energy)
    item = dataset(edges, edge_dir=str(edges / 'edges'))[0]
    data = model.data_preprocessor(pseudo_collate([item]), True)
    with pytest.raises(ValueError, match='loss_energy looks at none.*leave edge_dir out'):
        model.loss(data['inputs'], data['data_samples'])


class Mine(LevelSetEnergyLoss):
    """An energy of a user that knows of no edges."""

    learnt_edges = False

    def energies(self, phi, image, data, cam, stride, text=None):  # type: ignore[override]
        return super().energies(phi, image, data, cam, stride, text)


def test_an_energy_that_inherits() -> None:
    phi, image = torch.randn(2, 1, 8, 8), torch.rand(2, 3, 8, 8)
    assert set(Mine()(phi, image, image, phi.relu(), 8.0)) == {
        'loss_energy_features',
        'loss_energy_edge',
    }


def test_what_an_energy_is_given() -> None:
    """By its attribute, so that a user's energy keeps its four arguments."""
    maps = ('images', 'classes', 'image', 'data', 'cam', 'sdf', 'phi0', 'phi', 'settled')
    given = dict.fromkeys(maps, torch.zeros(1))
    trace = LevelSetTrace(**given, stride=8.0, edge=torch.ones(1))
    assert len(trace.seen(torch.nn.Identity())) == 4
    assert trace.seen(LevelSetEnergyLoss())[4:] == (None, trace.edge)
    assert len(trace.seen(LevelSetEnergyLoss(edge_weight=0.0))) == 4
    assert len(trace.seen(LevelSetEnergyLoss(edge_share=0.0))) == 4
