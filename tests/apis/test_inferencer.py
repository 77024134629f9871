"""LevelSetInferencer: equal to tools/test.py for every host, and what it makes of inputs and labels."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmlevelset.apis import LevelSetInferencer
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.npz import open_npz
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.refine import PAR, DenseCRF, EvolutionRefiner
from tests.apis.own_pictures import (
    CLASSES,
    checkpoint,
    config,
    full_config,
    write_config,
    write_pictures,
)
from tests.models.small_hosts import LEAVES

HOSTS = [('cam', False), *((host, True) for host in LEAVES)]
IDS = [f'{host}{"-levelset" * level_set}' for host, level_set in HOSTS]
LABELS = [['a', 'c'], ['b']]  # of the pictures `one` and `two`, as in their label file
SIZE = (48, 70)


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp('own'))


@pytest.fixture(scope='module')
def files(data: Path) -> list[str]:
    return [str(data / f'JPEGImages/{name}.jpg') for name in ('one', 'two')]


@pytest.fixture(scope='module')
def level_set(data: Path, tmp_path_factory: pytest.TempPathFactory) -> LevelSetInferencer:
    path = checkpoint(tmp_path_factory.mktemp('weights') / 'x.pth', 'cam', True)
    return LevelSetInferencer(config(data, 'cam', True), path, 'cpu')


@pytest.mark.parametrize('tta', [False, True], ids=['plain', 'tta'])
@pytest.mark.parametrize(('host', 'level_set'), HOSTS, ids=IDS)
def test_equals_the_export_of_seeds(tmp_path, data, files, tool, monkeypatch, host, level_set, tta):
    """Scores are those that tools/test.py writes; level sets agree with them."""
    monkeypatch.chdir(tmp_path)
    cfg, weights = (
        full_config(data, host, level_set),
        checkpoint(tmp_path / 'x.pth', host, level_set),
    )
    write_config(cfg)
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, None))  # slow
    out = ['--work-dir', 'work', '--seeds-only', 'seeds', *['--tta'] * tta]
    tool('test.py', 'config.py', weights, *out)
    results = LevelSetInferencer('config.py', weights, 'cpu', tta)(files, LABELS)
    for result, name, present in zip(results, ('one', 'two'), ((1, 3), (2,)), strict=True):
        seed = read_seed(f'seeds/{name}.npz')
        assert result.name == name and result.present == present == tuple(seed.keys + 1)
        # The file has 8 bits.
        ours = np.rint(255 * result.scores[list(present)]).astype(int)
        assert np.array_equal(ours, np.rint(255 * seed.scores))
        absent = [k for k in (1, 2, 3) if k not in present]
        assert not result.scores[absent].any()
        assert np.array_equal(result.label, result.scores.argmax(0))
        assert result.image.shape == (*SIZE, 3) and result.classes == tuple(CLASSES)
        assert (result.phi_T is not None) == level_set
        if level_set:
            assert result.phi_0.shape == result.phi_T.shape == (len(present), *SIZE)
            # The mean of scores and the mean of distances have one sign, but near zero.
            clear = np.abs(result.phi_T) > 2
            assert ((result.phi_T > 0) == (result.scores[list(present)] > 0.5))[clear].all()


def test_level_sets_are_in_pixels_of_the_picture(data, files, level_set):
    """At twice the size of the picture, the same distances: halved when they are brought back."""
    head, (one,) = level_set.model.auxiliary_head, level_set(files[0], ['a'])
    with torch.no_grad():
        inputs = torch.from_numpy(cv2.imread(files[0])).permute(2, 0, 1)
        batch = level_set.model.data_preprocessor(dict(inputs=[inputs]), False)['inputs']
        phi = head.forward(level_set.model.extract_feat(batch))[0, 0] * head.truncate
    phi = torch.nn.functional.interpolate(phi[None, None], SIZE, mode='bilinear')[0, 0]
    np.testing.assert_allclose(one.phi_0[0], phi.numpy(), rtol=0, atol=1e-4)

    double = dict(type='Resize', scale=(2 * SIZE[1], 2 * SIZE[0]), keep_ratio=False)
    pipeline = level_set.pipeline.transforms
    with pytest.MonkeyPatch.context() as patch:
        steps = type(level_set.pipeline)([double, *pipeline])
        patch.setattr(level_set, 'pipeline', steps)
        patch.setattr(head, 'forward', lambda feats: feats[0].new_full((1, 3, 24, 35), 0.25))
        patch.setattr(head, 'evolve', lambda phi, *others: phi)
        (large,) = level_set(files[0], ['a'])
    # A quarter of 80 pixels of the input, which has two for each of the picture's.
    np.testing.assert_allclose(large.phi_T, 10, rtol=1e-6)


def test_contours_lie_where_the_level_set_is_zero(files, level_set):
    (result,) = level_set(files[0], ['a', 'b', 'c'])
    assert set(result.contours) == {'a', 'b', 'c'}
    points = 0
    for phi, lines in zip(result.phi_T, result.contours.values(), strict=True):
        assert bool(lines) == (phi.min() <= 0 < phi.max())
        for line in lines:
            assert line.ndim == 2 and line.shape[1] == 2 and line.min() >= 0
            assert (line.max(0) <= (SIZE[1] - 1, SIZE[0] - 1)).all()
            at = cv2.remap(phi, line[:, 0], line[:, 1], cv2.INTER_LINEAR)
            # remap rounds places to 1/32 of a pixel, and a level set is about as steep as a distance.
            assert np.abs(at).max() < 0.05 * max(1, np.abs(np.gradient(phi)).max())
            points += len(line)
    assert points


def test_inputs(tmp_path, files, level_set):
    """Files, arrays in BGR, images of Pillow and folders are one thing; grey and turned ones work."""
    array = cv2.imread(files[0])
    Image.open(files[0]).save(tmp_path / 'one.png')
    many = [files[0], Path(files[0]), array, Image.open(files[0]), str(tmp_path / 'one.png')]
    results = level_set(many, ['a'])
    assert [r.name for r in results] == ['one', 'one', 'picture_2', 'picture_3', 'one']
    for result in results[1:]:
        assert np.array_equal(result.scores, results[0].scores)
        assert np.array_equal(result.image, array[..., ::-1])
    # Neither what a camera or macOS hides there, nor a folder of that name, is a picture of a folder.
    (Path(files[0]).parent / '._one.jpg').write_bytes(b'no picture')
    (Path(files[0]).parent / 'more.jpg').mkdir()
    folder = level_set(str(Path(files[0]).parent), LABELS, batch_size=2)
    assert [r.name for r in folder] == ['one', 'two']
    np.testing.assert_allclose(
        folder[0].scores, level_set(files[0], ['a', 'c'])[0].scores, atol=1e-5
    )
    grey = Image.fromarray(array[..., 0])
    turned = grey.copy()
    turned.getexif()[0x0112] = 6  # a camera held upright
    shapes = [r.label.shape for r in level_set([array[..., 0], grey, turned], batch_size=8)]
    assert shapes == [SIZE, SIZE, SIZE[::-1]]


def test_labels(files, level_set, monkeypatch):
    names = level_set(files[0], ['a', 'c'])[0]
    for labels in ('a', 1), ([1, 3], ['c', 'a']), ([['a']], [[1]]), ([np.int64(2)], 'b'):
        one, two = (level_set(files[0], label)[0] for label in labels)
        assert one.present == two.present and np.array_equal(one.scores, two.scores)
    assert names.present == (1, 3)
    (nothing,) = level_set(files[0], [[]])
    assert nothing.present == () and not nothing.label.any() and nothing.contours == {}
    # Without labels: the classifier's own, from a probability on.
    logits = torch.tensor([[0.1, -0.1, 5.0]])
    monkeypatch.setattr(level_set.model.decode_head, 'classify', lambda feats: logits)
    (found,) = level_set(files[0])
    assert found.present == (1, 3) and np.array_equal(found.scores, names.scores)


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        (
            ['cat'],
            r"labels of picture 0: \['cat'\] are no classes of this model; expected some of ",
        ),
        (['background'], 'are no classes'),
        ([4], r'class 4 is unknown; expected indices 1..3'),
        ([0], r'class 0 is unknown'),
        ([['a'], ['b']], r'got the classes of 2 pictures, expected those of 1'),
        ([], r'got the classes of 0 pictures'),
        ([1.7], r'labels of picture 0: got 1.7, expected names or indices of classes'),
        ([[1.7]], r'labels of picture 0: \[1.7\] are no classes'),
        ([[['a']]], r'labels of picture 0: .* are no classes'),
        (1.7, 'labels: got 1.7, expected names'),
        ({'one': 'a'}, 'labels: got .*expected names'),
        ([None], 'labels of picture 0: got None'),
        ([True], 'class True is unknown'),
    ],
)
def test_labels_that_are_none(files, level_set, labels, message):
    with pytest.raises(ValueError, match=message):
        level_set(files[0], labels)


def test_pictures_that_are_none(tmp_path, files, level_set):
    (tmp_path / 'text.jpg').write_text('no picture')
    (tmp_path / 'empty').mkdir()
    wide = Image.fromarray(np.zeros((4, 4), np.uint16))
    for inputs, error, message in (
        ('none.jpg', FileNotFoundError, 'no picture or folder .none.jpg.'),
        (tmp_path / 'empty', FileNotFoundError, 'empty holds no pictures'),
        (str(tmp_path / 'text.jpg'), ValueError, 'text.jpg: cannot be read as an image'),
        (np.zeros((4, 5, 3)) + 0.5, ValueError, 'picture_0: .*whole numbers 0..255'),
        (np.zeros((3, 4, 5), np.uint8), ValueError, r'picture_0: .*\(H, W, 3\)'),
        (wide, ValueError, 'picture_0: a grey image of more than 8 bits'),
        (torch.zeros(3, 4, 5), ValueError, 'picture 0 is a Tensor, expected a file'),
    ):
        with pytest.raises(error, match=message):
            level_set(inputs)
    with pytest.raises(
        ValueError, match=r'several pictures are called one \(.*one.jpg, .*one.jpg\), and would be'
    ):
        level_set([files[0], files[0]], out_dir=tmp_path / 'out')
    for batch_size in (0, -1, 1.5, '2', True):
        with pytest.raises(
            ValueError, match='batch_size=.*, expected a whole number of at least 1'
        ):
            level_set(files, batch_size=batch_size)


def test_files(tmp_path, files, level_set, monkeypatch):
    """What is written is what was returned, and shown once."""
    shown = []
    monkeypatch.setattr(Image.Image, 'show', lambda image, title: shown.append(title))
    results = level_set(files, ['a', 'b'], out_dir=tmp_path, show=True)
    assert shown == ['one', 'two']
    for result in results:
        assert np.array_equal(read_label(tmp_path / f'pred/{result.name}.png'), result.label)
        with open_npz(tmp_path / f'maps/{result.name}.npz', '') as maps:
            assert np.array_equal(maps.array('phi_T'), result.phi_T)
            assert np.array_equal(maps.array('scores'), result.scores)
        facts = json.loads((tmp_path / f'contours/{result.name}.json').read_text())
        lines = facts['contours']['a']
        assert all(
            np.array_equal(np.float32(x), y)
            for x, y in zip(lines, result.contours['a'], strict=True)
        )
        drawn = cv2.imread(str(tmp_path / f'vis/{result.name}.png'))[..., ::-1]
        assert np.array_equal(drawn, result.draw()) and not np.array_equal(drawn, result.image)


def test_configs_and_checkpoints_that_do_not_fit(tmp_path, data):
    weights = checkpoint(tmp_path / 'x.pth', 'cam', False)
    for cfg, path, error, message in (
        ('cam/resnet50_voc21', weights, FileNotFoundError, 'no config at'),
        (config(data, 'cam', False), 'none.pth', FileNotFoundError, 'no checkpoint at .none.pth.'),
        (config(data, 'cam', True), weights, ValueError, 'x.pth has no weights for'),
        ('refine/crf', weights, ValueError, 'needs a config with `model` and `test_dataloader`'),
    ):
        with pytest.raises(error, match=message):
            LevelSetInferencer(cfg, path, 'cpu')
    with pytest.raises(ValueError, match='--tta needs'):
        LevelSetInferencer(config(data, 'cam', False), weights, 'cpu', tta=True)
    for presence in (2, -0.1, 'a', '0.5', float('nan'), [0.5]):
        with pytest.raises(
            ValueError, match='presence is .*, expected a number in .0, 1.; it is a'
        ):
            LevelSetInferencer(config(data, 'cam', False), weights, 'cpu', presence=presence)


@pytest.mark.parametrize('device', ['cuda:77', 'gpu', 'cpu:x', 3.5])
def test_devices_that_are_not_here(tmp_path, data, device):
    """By the inferencer and by every refiner that computes somewhere."""
    weights = checkpoint(tmp_path / 'x.pth', 'cam', False)
    with pytest.raises(
        ValueError, match=f"device='{device}' cannot be used here .*expected .* cpu"
    ):
        LevelSetInferencer(config(data, 'cam', False), weights, device)
    kernels = dict(gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=30, srgb=5, compat=5))
    for kind, options in (
        (DenseCRF, kernels),
        (PAR, {}),
        (EvolutionRefiner, dict(method='drlse', background=dict(score=0.4))),
    ):
        with pytest.raises(ValueError, match='cannot be used here'):
            kind(device=device, **options)


def test_no_pictures(level_set):
    assert level_set([]) == []


@pytest.mark.parametrize('meta', [True, False])
def test_class_names(tmp_path, data, meta):
    """Those of the checkpoint, or else of the test data set; never Cityscapes'."""
    weights = checkpoint(tmp_path / 'x.pth', 'cam', False, meta)
    assert LevelSetInferencer(config(data, 'cam', False), weights, 'cpu').classes == tuple(CLASSES)


@pytest.mark.parametrize('tta', [False, True], ids=['plain', 'tta'])
@pytest.mark.parametrize('channels', [1, 4])
def test_models_of_label_maps(tmp_path, data, files, channels, tta):
    """A re-trained network has no seeds: probabilities, label map and its outlines."""
    cfg = full_config(data, 'cam', False)
    names = ['background', 'a'] if channels == 1 else CLASSES
    cfg.model = dict(
        type='EncoderDecoder',
        data_preprocessor=cfg.model.data_preprocessor,
        backbone=dict(type='mmlevelset.EfficientNet', arch='lite0', out_indices=(1,)),
        decode_head=dict(
            type='FCNHead', in_channels=24, in_index=0, channels=8, num_classes=len(names),
            out_channels=channels, threshold=0.5 if channels == 1 else None,
            loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=channels == 1),
        ),
        test_cfg=dict(mode='whole'),
    )  # fmt: skip
    cfg.tta_model = dict(type='mmlevelset.SegTTAModel')
    state = MODELS.build(cfg.model).state_dict()
    meta = dict(dataset_meta=dict(classes=names))
    torch.save(dict(state_dict=state, meta=meta), tmp_path / 'x.pth')
    inferencer = LevelSetInferencer(cfg, tmp_path / 'x.pth', 'cpu', tta=tta and channels > 1)
    (result,) = inferencer(files[0])
    assert result.phi_T is None and result.scores.shape == (len(names), *SIZE)
    np.testing.assert_allclose(result.scores.sum(0), 1, rtol=1e-5)
    assert np.array_equal(result.label, result.scores.argmax(0))
    assert result.present == tuple(np.unique(result.label[result.label > 0]))
    assert set(result.contours) == {names[k] for k in result.present}
    with pytest.raises(ValueError, match='leave out labels'):
        inferencer(files[0], ['a'])


def test_windows(tmp_path, data, files, level_set):
    """Level sets of a sliding window: one over all changes nothing, several are joined."""
    weights = checkpoint(tmp_path / 'x.pth', 'cam', True)
    whole = level_set(files[0], ['a'])[0].phi_T
    for crop, close in ((64, 96), 1e-2), ((32, 48), np.inf):
        window = dict(mode='slide', crop_size=crop, stride=(32, 32))
        (result,) = LevelSetInferencer(config(data, 'cam', True, **window), weights, 'cpu')(
            files[0], ['a']
        )
        # The map takes a detour over the size of the window, which is the size of the image.
        np.testing.assert_allclose(result.phi_T, whole, rtol=0, atol=close)
        assert result.phi_T.shape == (1, *SIZE) and np.isfinite(result.phi_T).all()
