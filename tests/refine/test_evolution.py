"""Level sets as refiners: they find a disc that the seed misses in part."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmlevelset.config import read_config
from mmlevelset.fileio.seeds import Seed
from mmlevelset.fileio.soft import soft_to_label
from mmlevelset.refine import EvolutionRefiner, LevelSetRefiner

CONFIG = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmlevelset.LevelSetPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True,
        size_divisor=32),
    backbone=dict(type='mmlevelset.EfficientNet', arch='lite0', out_indices=(1, 2)),
    decode_head=dict(type='mmlevelset.CAMHead', in_channels=40, num_classes=4),
    auxiliary_head=dict(
        type='mmlevelset.LevelSetHead', in_channels=(24, 40), in_index=(0, 1), channels=8, num_classes=4,
        evolution=dict(type='mmlevelset.FNOEvolution', condition_channels=3, width=4, shared={shared}),
        loss_energy=dict(type='mmlevelset.LevelSetEnergyLoss')),
    test_cfg=dict(mode='whole'),
)
"""


def disc(size: int = 48, shift: int = 4) -> tuple[np.ndarray, np.ndarray, Seed]:
    """Image of a bright disc, its mask, and the scores of a disc that lies beside it."""
    y, x = np.mgrid[:size, :size] - size // 2
    mask = y**2 + x**2 < 12**2
    image = np.where(mask[..., None], 200, 60).astype(np.uint8).repeat(3, axis=2)
    scores = 0.9 * (y**2 + (x - shift) ** 2 < 12**2).astype(np.float32)
    other = np.zeros_like(scores)  # a class that is named but nowhere seen
    return image, mask, Seed(np.array([3, 14]), np.stack([scores, other]), mask.shape)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize(
    'options',
    [
        dict(method='chan_vese', steps=15),
        dict(method='chan_vese', steps=15, local_radius=10),
        dict(method='drlse', steps=60, alpha=0.5),
    ],
)
def test_the_contour_moves_to_the_object(options):
    image, mask, seed = disc()
    soft = EvolutionRefiner(background=dict(score=0.4), **options)(image, seed)
    assert soft.shape == (3, 48, 48) and (soft[0] == 0.5).all() and soft.max() <= 1
    label = soft_to_label(seed.keys, soft)
    assert set(np.unique(label)) == {0, 4}
    before = iou(seed.scores[0] > 0.4, mask)
    assert iou(label == 4, mask) > before + 0.05, before


def test_no_step_is_the_seed():
    image, _, seed = disc()
    soft = EvolutionRefiner('chan_vese', background=dict(score=0.4), steps=0)(image, seed)
    np.testing.assert_array_equal(soft_to_label(seed.keys, soft) == 4, seed.scores[0] > 0.4)


def test_unknown_option():
    with pytest.raises(ValueError, match="unknown options .'iterations'. of drlse"):
        EvolutionRefiner('drlse', background=dict(score=0.4), iterations=3)


@pytest.fixture(params=[True, False], ids=['shared', 'per class'])
def files(tmp_path, request) -> dict[str, str]:
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'net.pth'
    config.write_text(CONFIG.format(shared=request.param))
    init_default_scope('mmseg')
    model = MODELS.build(read_config(str(config)).model)
    for parameter in model.auxiliary_head.evolution.parameters():
        torch.nn.init.zeros_(parameter)
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    return dict(config=str(config), checkpoint=str(checkpoint))


def test_classes_evolve_together_as_one_by_one(files):
    """An operator that does something; a shared one sees the classes of the seed alone."""
    image, _, seed = disc(96)
    seed = seed._replace(keys=np.array([0, 2]))
    refiner = LevelSetRefiner(**files, background=dict(score=0.4), size=(64, 64))
    evolution = refiner.head.evolution
    for parameter in evolution.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    shapes, calls = [], []
    evolution.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape[:2])))
    evolve = refiner.head.evolve_pairs
    refiner.head.evolve_pairs = lambda *args: calls.append(args) or evolve(*args)
    soft = refiner(image, seed)
    assert shapes == [(1, 4) if evolution.grouped else (2, 1)] and len(calls) == 1
    with torch.inference_mode():
        for k, key in enumerate(seed.keys):
            pairs = torch.tensor([0]), torch.tensor([key])
            phi = evolve(*calls[0][:3], pairs)[2]
            phi = torch.nn.functional.interpolate(phi, image.shape[:2], mode='bilinear')[0, 0]
            # phi is tens of pixels, which float32 rounds by some 1e-5
            np.testing.assert_allclose(soft[1 + k], torch.sigmoid(phi / 4), rtol=0, atol=1e-4)


def test_evolves_on_the_finest_map_whatever_the_order(files):
    """As f_LSI does in training; the first of in_index may be a coarser one."""
    config = Path(files['config'])
    text = config.read_text().replace('(24, 40), in_index=(0, 1)', '(40, 24), in_index=(1, 0)')
    config.write_text(text)
    init_default_scope('mmseg')
    model = MODELS.build(read_config(str(config)).model)
    torch.save(dict(state_dict=model.state_dict()), files['checkpoint'])
    image, _, seed = disc(64)
    refiner = LevelSetRefiner(**files, background=dict(score=0.4))
    shapes = []
    refiner.head.evolution.register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape))
    refiner(image, seed._replace(keys=np.array([0, 2])))
    assert shapes[0][2:] == (16, 16)  # stride 4 of 64 px


def test_operator_from_any_seed(files):
    """An operator of zeros adds nothing: the seed comes back, as exact as the grid of stride 4 is."""
    image, _, seed = disc(96, shift=0)
    seed = Seed(np.array([0, 2]), seed.scores, seed.size)
    refiner = LevelSetRefiner(**files, background=dict(score=0.4), size=(64, 64))
    soft = refiner(image, seed)
    assert soft.shape == (3, 96, 96)
    label = soft_to_label(seed.keys, soft)
    assert set(np.unique(label)) == {0, 1}
    assert iou(label == 1, seed.scores[0] > 0.4) > 0.8
    with pytest.raises(ValueError, match='the seed has class 14, the level-set model knows 4'):
        refiner(image, seed._replace(keys=np.array([0, 14])))


@pytest.mark.parametrize(
    'step, seen',
    [
        ("dict(type='Resize', scale=(96, 64), keep_ratio=False)", (64, 96)),  # scale is (W, H)
        ("dict(type='Resize', scale=(2048, 128), keep_ratio=True)", (128, 256)),
        ("dict(type='mmlevelset.ResizeToPatches', patch=32)", (64, 128)),
        ("dict(type='mmlevelset.ResizeByRatio', ratio=1.5)", (75, 150)),
        ('', (50, 100)),
    ],
    ids=['fixed', 'short side', 'patches', 'ratio', 'as it is'],
)
def test_the_network_sees_the_size_of_its_test_pipeline(files, step, seen):
    """Whatever host is given; ``size`` is for another one."""
    steps = f"dict(type='mmlevelset.CheckedLoadImage'), {step}{',' * bool(step)} dict(type='PackSegInputs')"
    with Path(files['config']).open('a') as config:
        config.write(f'test_dataloader = dict(dataset=dict(pipeline=[{steps}]))\n')
    image = np.random.default_rng(0).integers(0, 256, (50, 100, 3), np.uint8)
    seed = Seed(
        np.array([0, 2]), np.eye(2, dtype=np.float32).repeat(2500, 1).reshape(2, 50, 100), (50, 100)
    )
    soft, sizes = [], []
    for size in (None, seen, (32, 32)):
        refiner = LevelSetRefiner(**files, background=dict(score=0.4), size=size)
        refiner.model.backbone.register_forward_pre_hook(
            lambda _, args: sizes.append(args[0].shape[2:])
        )
        soft.append(refiner(image, seed))
    assert sizes == [seen, seen, (32, 32)]
    np.testing.assert_array_equal(soft[0], soft[1])


def test_an_operator_that_wants_text_gets_that_of_the_host(tmp_path):
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'net.pth'
    config.write_text(CONFIG.format(shared=True).replace('width=4', 'width=4, text=True'))
    init_default_scope('mmseg')
    model = MODELS.build(read_config(str(config)).model)
    torch.nn.init.normal_(model.auxiliary_head.evolution.project.weight)
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    refiner = LevelSetRefiner(str(config), str(checkpoint), background=dict(score=0.4))
    image, _, seed = disc(64)
    seed = seed._replace(keys=np.array([0, 2]))
    with pytest.raises(ValueError, match='text=True'):
        refiner(image, seed)
    results = []
    for text in torch.rand(2, 1, 4, 8, 8):
        refiner.model.decode_head.text_similarity = lambda features, text=text: text
        results.append(refiner(image, seed))
    assert np.isfinite(results).all() and not np.allclose(*results)


def test_level_sets_beside_another_auxiliary_head(tmp_path):
    """The head is found wherever the model has it; without an operator it is refused."""
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'net.pth'
    other = "dict(type='FCNHead', in_channels=24, in_index=0, channels=8, num_classes=5), "
    text = CONFIG.format(shared=True).replace(
        'auxiliary_head=dict(', f'auxiliary_head=[{other}dict('
    )
    text = text.replace("'mmlevelset.LevelSetEnergyLoss')),", "'mmlevelset.LevelSetEnergyLoss'))],")
    files = dict(config=str(config), checkpoint=str(checkpoint), background=dict(score=0.4))
    for energy in (True, False):
        config.write_text(
            text if energy else text + "model['auxiliary_head'][1]['loss_energy'] = None"
        )
        init_default_scope('mmseg')
        model = MODELS.build(read_config(str(config)).model)
        torch.save(dict(state_dict=model.state_dict()), checkpoint)
        if energy:
            refiner = LevelSetRefiner(**files)
            assert refiner.head is refiner.model.auxiliary_head[1]
        else:
            with pytest.raises(ValueError, match='has no level-set evolution'):
                LevelSetRefiner(**files)
