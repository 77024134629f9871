"""IRNWalk: geometry and wiring, its numbers are in test_random_walk.py; labels against irn."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image
from torch.nn import functional as F

from mmlevelset.apis.edges import make_edges
from mmlevelset.config import read_config
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.seeds import Seed
from mmlevelset.fileio.soft import soft_to_label
from mmlevelset.levelset import seed_scores
from mmlevelset.refine import IRLabel, IRNWalk
from mmlevelset.refine.folder import refine_folder
from mmlevelset.refine.irn import edge_walk

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / 'tests/data'
CRF = dict(
    type='mmlevelset.DenseCRF',
    gt_prob=0.7,
    gaussian=dict(sxy=3, compat=3),
    bilateral=dict(sxy=50, srgb=5, compat=10),
)
CONFIG = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmlevelset.LevelSetPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0, 60.0, 60.0],
        bgr_to_rgb=True, size=(512, 512)),
    backbone=dict(
        type='mmlevelset.StemResNet', depth=18, base_channels=8, strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1), stem_channels=8, num_stages=4),
    decode_head=dict(
        type='mmlevelset.IRNet', in_channels=(8, 8, 16, 32, 64), in_index=(0, 1, 2, 3, 4),
        strides=(4, 4, 8, 16, 16)),
    test_cfg=dict(mode='whole'),
)
"""
SETTINGS = dict(background=dict(score=0.25), exp_times=6)


@pytest.fixture(scope='module')
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp('irn')
    config, checkpoint = folder / 'config.py', folder / 'net.pth'
    config.write_text(CONFIG)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(read_config(str(config)).model)
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    return dict(config=str(config), checkpoint=str(checkpoint))


@pytest.fixture
def photographs(tmp_path) -> Path:
    """Two pictures of other sizes, and a list of them."""
    for name, size in (('a', (45, 37)), ('b', (64, 48))):
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        (tmp_path / 'images').mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / f'images/{name}.png')
    (tmp_path / 'list.txt').write_text('a\nb\n')
    return tmp_path


def test_edges_of_images(files, photographs, monkeypatch, capsys, tool):
    """What the walk does not cross, at the size of the image; a run that was stopped goes on."""
    config = photographs / 'walk.py'
    refiner = dict(
        type='mmlevelset.IRNWalk', config=files['config'], checkpoint='later', crop_size=64
    )
    config.write_text(f'refiner = {refiner}\n')
    out = photographs / 'edges'
    words = [
        str(config),
        '--images',
        str(photographs / 'images'),
        '--split',
        str(photographs / 'list.txt'),
    ]
    words += ['--out', str(out), '--cfg-options', f'refiner.checkpoint={files["checkpoint"]}']
    tool('misc/irn_edges.py', *words)
    walk = IRNWalk(**files, **SETTINGS, crop_size=64)
    for name in 'ab':
        image = np.asarray(Image.open(photographs / f'images/{name}.png'))
        edge = walk.edge(image)
        assert edge.shape == tuple(-(-side // 4) for side in image.shape[:2])
        smooth = F.interpolate(edge[None, None], scale_factor=4, mode='bilinear')[0, 0]
        found = np.asarray(Image.open(out / f'{name}.png'))
        assert found.shape == image.shape[:2] and found.dtype == np.uint8
        expected = 255 * smooth[: found.shape[0], : found.shape[1]].numpy()
        np.testing.assert_allclose(found, expected, atol=0.51)  # half a step, and rounding
    before = (out / 'a.png').stat().st_mtime_ns
    (out / 'b.png').unlink()
    tool('misc/irn_edges.py', *words)
    assert 'edges of 1 images' in capsys.readouterr().out
    assert (out / 'a.png').stat().st_mtime_ns == before and (out / 'b.png').is_file()
    with pytest.raises(ValueError, match='other settings .*crop_size: 64 -> 0'):
        make_edges(dict(refiner, **files, crop_size=0), photographs / 'images', ['a'], out)
    with pytest.raises(ValueError, match='DenseCRF.* finds no edges, expected .* walk of IRN'):
        make_edges(CRF, photographs / 'images', ['a'], out)
    shutil.copytree(photographs / 'images', photographs / 'others')
    with pytest.raises(ValueError, match='other settings .*image_dir: .*images -> .*others'):
        make_edges(dict(refiner, **files), photographs / 'others', ['a'], out)


def test_edges_by_the_config_of_the_network(files, photographs, refuse):
    """The likeliest mistake: the walk's config names the network."""
    words = ['--images', str(photographs), '--split', str(photographs / 'list.txt'), '--out', 'x']
    assert 'refiner.type=None finds no edges' in refuse(
        'misc/irn_edges.py', files['config'], *words
    )


def scene(height: int, width: int) -> tuple[np.ndarray, Seed]:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    scores = random.random((2, height, width), dtype=np.float32)
    return image, Seed(np.array([3, 14]), scores, (height, width))


def test_walk_of_an_image(files):
    """Edges of both views, seeds on their grid, the walk, x4, division by the largest value."""
    image, seed = scene(69, 83)
    refiner = IRNWalk(**files, **SETTINGS, power=1.5, crop_size=96)
    soft = refiner(image, seed)
    assert soft.shape == (3, 69, 83) and (soft[0] == 0.25).all() and soft[1:].max() == 1

    x = (torch.tensor(image).float() - torch.tensor([120.0, 110.0, 100.0])) / 60
    x = x.permute(2, 0, 1)[None]
    with torch.no_grad():
        logits = [
            refiner.model.decode_head(refiner.model.backbone(F.pad(view, (0, 13, 0, 27))))
            for view in (x, x.flip(3))
        ]
    one, other = (edge[0, :18, :21] for edge in logits)
    edge = ((one + other.flip(1)) / 2).sigmoid()
    np.testing.assert_allclose(refiner.edge(image), edge, atol=1e-6)
    cams = F.interpolate(torch.tensor(seed.scores)[None] ** 1.5, (18, 21), mode='bilinear')[0]
    walked = F.interpolate(edge_walk(cams, edge, 5, 10, 64)[None], size=(72, 84), mode='bilinear')[
        0, :, :69, :83
    ]
    np.testing.assert_allclose(soft[1:], walked / walked.max(), atol=1e-5)


def test_walk_from_labels(files):
    """What walks is the label of the seed, so seeds of the same label come back alike."""
    image, seed = scene(40, 52)
    label = seed.scores.argmax(0) == np.arange(2)[:, None, None]
    label &= seed.scores.max(0) > SETTINGS['background']['score']
    expected = IRNWalk(**files, **SETTINGS)(image, seed._replace(scores=label.astype(np.float32)))
    walk = IRNWalk(**files, **SETTINGS, from_labels=True)
    np.testing.assert_array_equal(walk(image, seed), expected)
    assert np.abs(IRNWalk(**files, **SETTINGS)(image, seed) - expected).max() > 0.01
    tie = np.full_like(
        seed.scores, SETTINGS['background']['score']
    )  # is background, as in all label maps
    assert (walk(image, seed._replace(scores=tie))[1:] == 0).all()


@pytest.mark.parametrize(
    ('size', 'crop_size'), [((40, 130), 96), ((1, 1), 0), ((40, 130), 0), ((5, 33), 0)]
)
def test_images_are_never_cut(files, size, crop_size):
    """A side above the crop size stays; irn's negative padding would cut it."""
    image, seed = scene(*size)
    refiner = IRNWalk(**files, **SETTINGS, crop_size=crop_size)
    assert refiner.edge(image).shape == (-(-size[0] // 4), -(-size[1] // 4))
    assert refiner(image, seed).shape == (3, *size)


def test_seeds_of_zeros_stay_background(files):
    image, seed = scene(32, 32)
    soft = IRNWalk(**files, **SETTINGS)(image, seed._replace(scores=0 * seed.scores))
    assert (soft[1:] == 0).all() and (soft_to_label(seed.keys, soft) == 0).all()


def test_background_must_be_a_constant(files):
    with pytest.raises(ValueError, match=r'needs background=dict\(score=...\)'):
        IRNWalk(**files, background=dict(alpha=4))


def test_labels_of_irn():
    golden = np.load(DATA / 'crf.npz')
    cam = golden['cam']
    seed = Seed(golden['keys'][1:] - 1, cam, cam.shape[1:])
    expected = np.load(DATA / 'irn_walk.npz')
    for low, name in ((0.15, 'ir_label'), (0.05, 'ir_label_low')):
        soft = IRLabel(CRF, foreground=0.3, background=low)(golden['image'], seed)
        assert set(np.unique(soft.sum(0))) <= {0, 1}
        np.testing.assert_array_equal(soft_to_label(seed.keys, soft), expected[name])


@pytest.mark.parametrize('truncate', [40.0, 80.0])
def test_band_of_level_sets(truncate):
    """The sides of the contour are left open as far as it says, whatever the truncation of the scores."""
    phi = torch.arange(-40.0, 40.0).add(0.5).expand(8, -1)  # px, at the centre of every pixel
    scores = torch.stack([torch.full_like(phi, 0.5), seed_scores(phi, truncate)]).numpy()
    refiner = IRLabel(CRF, band=12, truncate=truncate)
    refiner.crf.refine = lambda image, scores: scores
    soft = refiner.refine(np.zeros((8, 80, 3), np.uint8), np.array(scores))
    foreground, background = IRLabel(CRF, band=12, truncate=truncate).background['score'], soft[0]
    assert foreground == pytest.approx(1 / (1 + np.exp(-5 * 12 / truncate)))
    np.testing.assert_array_equal(background[0] == 1, phi[0].numpy() <= -12)


def test_band_of_seeds_that_state_their_truncation(folders, tmp_path):
    """A band is as wide in pixels whatever truncation the head had; another one in the config is refused."""
    refiner = read_config(str(ROOT / 'configs/refine/irn-labels_levelset.py')).to_dict()['refiner']
    meta = read_meta(folders['seed_dir'])

    def refined(out: str, **given: float) -> float | None:
        refine_folder(refiner | given, **folders, out_dir=tmp_path / out, ids=['0'])
        return read_meta(tmp_path / out / 'soft')['refiner'].get('truncate')

    assert refined('unstated') is None
    assert refined('given', truncate=60.0) == 60.0
    write_meta(folders['seed_dir'], **meta, truncate=40.0)
    assert refined('stated') == refined('same', truncate=40.0) == 40.0
    with pytest.raises(
        ValueError, match='truncate=80.0, .* cut at 40.0 px.* leave refiner.truncate'
    ):
        refined('other', truncate=80.0)
    for damaged in ('80', 0, -5, True, [80]):
        write_meta(folders['seed_dir'], **meta, truncate=damaged)
        with pytest.raises(ValueError, match='truncate in .*meta.json'):
            refined('damaged')
    write_meta(folders['seed_dir'], **meta, truncate=40.0)
    refine_folder(
        dict(CRF, background=dict(score=0.4)), **folders, out_dir=tmp_path / 'plain', ids=['0']
    )
    assert 'truncate' not in read_meta(tmp_path / 'plain/soft')['refiner']  # has no such argument


def test_margin_of_a_threshold():
    """It stands for two scores, as far above and below the threshold."""
    refiner = IRLabel(CRF, margin=0.1, background=dict(score=0.38))
    assert (refiner.background['score'], refiner.low) == pytest.approx((0.48, 0.28))


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(foreground=0.6),
        dict(foreground=0.6, background=0.4, band=3),
        dict(margin=0.1, background=0.4),
        dict(background=dict(score=0.4)),
        dict(margin=0.1, background=dict(score=0.4), band=3),
    ],
)
def test_band_or_margin_or_scores(options):
    with pytest.raises(
        ValueError, match='expected both scores, the band of level sets alone, or a'
    ):
        IRLabel(CRF, **options)


@pytest.mark.parametrize(
    'options, got',
    [
        (dict(foreground=0.05, background=0.3), '0.3 and 0.05'),
        (dict(margin=-0.125, background=dict(score=0.5)), '0.625 and 0.375'),
        (dict(margin=0.25, background=dict(score=0.125)), '-0.125 and 0.375'),
        (dict(margin=0.25, background=dict(score=0.875)), '0.625 and 1.125'),
    ],
)
def test_labels_without_room_for_both(options, got):
    """Scores in the wrong order, or a margin beyond what seeds can say: nothing would be sure."""
    with pytest.raises(ValueError, match=f'expected 0 <= background <= foreground < 1, got {got};'):
        IRLabel(CRF, **options)
