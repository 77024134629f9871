"""Labels of pictures from anywhere, and drawings, on data without masks."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.apis import MMSegInferencer, inference_model, init_model
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmlevelset.apis.pictures import draw_images, image_panels, trace_image
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.seeds import write_seed
from mmlevelset.models import LevelSetHead
from mmlevelset.visualization.panels import CAPTION, GAP
from tests.apis.own_pictures import CLASSES, checkpoint, config, write_pictures
from tests.models.small_hosts import LEAVES

HOSTS = [(host, level_set) for host in LEAVES for level_set in (False, True)]
IDS = [f'{host}{"-levelset" * level_set}' for host, level_set in HOSTS]


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp('own'))


@pytest.mark.parametrize(('host', 'level_set'), HOSTS, ids=IDS)
@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_inference_model(tmp_path, data, host, level_set, mode):
    """mmsegmentation's functions on our configs: names, labels and the classifier's own classes."""
    window = dict(mode=mode, crop_size=(32, 32), stride=(16, 24))
    path = checkpoint(tmp_path / 'x.pth', host, level_set)
    model = init_model(config(data, host, level_set, **window), path, device='cpu')
    assert model.dataset_meta['classes'] == CLASSES
    picture = str(data / 'JPEGImages/one.jpg')
    result = inference_model(model, picture)
    label = result.pred_sem_seg.data
    found = {k + 1 for k, y in enumerate(result.pred_img_label) if y}
    assert label.shape == (1, 48, 70) and set(label.unique().tolist()) <= {0, *found}
    assert result.seed_source == ('phi' if level_set else 'cam')
    again = inference_model(model, cv2.imread(picture))
    assert torch.equal(again.seg_logits.data, result.seg_logits.data)


@pytest.mark.parametrize('level_set', [False, True])
def test_inferencer_of_mmsegmentation(tmp_path, data, level_set):
    """Paths, arrays and folders, read by our reader; drawings, and the same labels as ours."""
    path = checkpoint(tmp_path / 'x.pth', 'cam', level_set)
    inferencer = MMSegInferencer(config(data, 'cam', level_set), path, device='cpu')
    picture = str(data / 'JPEGImages/one.jpg')
    results = inferencer([picture, cv2.imread(picture)], out_dir=str(tmp_path / 'out'))
    one, two = results['predictions']
    assert len(list((tmp_path / 'out/vis').iterdir())) == 2 and np.array_equal(one, two)
    model = init_model(config(data, 'cam', level_set), path, device='cpu')
    assert np.array_equal(inference_model(model, picture).pred_sem_seg.data[0], one)
    assert len(inferencer(str(data / 'JPEGImages'))['predictions']) == 2
    cv2.imwrite(str(tmp_path / 'deep.png'), np.full((48, 70), 40000, np.uint16))
    with pytest.raises(ValueError, match='deep.png: a grey image of more than 8 bits'):
        inferencer(str(tmp_path / 'deep.png'))


def test_inferencer_of_mmsegmentation_on_other_pipelines(tmp_path, data):
    """What is not ours is mmsegmentation's own affair."""
    path = checkpoint(tmp_path / 'x.pth', 'cam', False)
    cfg = config(data, 'cam', False)
    cfg.test_dataloader.dataset.pipeline[0] = dict(type='LoadImageFromFile')
    inferencer = MMSegInferencer(cfg, path, device='cpu')
    assert type(inferencer.pipeline.transforms[0]).__name__ == 'InferencerLoader'


@pytest.mark.parametrize('host', ['cam', 'seam', 'mctformer_plus'])
def test_drawing_with_and_without_masks(tmp_path, data, host):
    """Own pictures need no masks; where there are some, they make a column."""
    path = checkpoint(tmp_path / 'x.pth', host, True)
    bare = draw_images(config(data, host, True), path, ['one', 'two'], tmp_path / 'bare.png')
    for name in ('one', 'two'):
        (tmp_path / 'masks').mkdir(exist_ok=True)
        write_label(tmp_path / f'masks/{name}.png', np.ones((48, 70), np.uint8))
    cfg = config(data, host, True)
    cfg.test_dataloader.dataset.data_prefix.seg_map_path = str(tmp_path / 'masks')
    full = draw_images(cfg, path, ['one', 'two'], tmp_path / 'full.png')
    widths = [cv2.imread(str(file)).shape[1] for file in (bare, full)]
    assert widths[0] * 7 == widths[1] * 6


def wrapped(wrapper: str, folder: str) -> dict:
    """A data set of a training whose level sets learn from a folder, as configs may write it."""
    own, bare = dict(type='mmlevelset.VOCImageLabelDataset', guide_dir=folder), dict(pipeline=[])
    steps = [dict(type='mmlevelset.LoadGuide', seed_dir=folder)]
    return {
        'plain': own,
        'repeated': dict(type='RepeatDataset', times=2, dataset=own),
        'joined': dict(type='ConcatDataset', datasets=[bare, own]),
        'transform': dict(type='mmlevelset.VOCImageLabelDataset', pipeline=steps),
    }[wrapper]


@pytest.mark.parametrize('wrapper', ['plain', 'repeated', 'joined', 'transform'])
@pytest.mark.parametrize('scale', [None, (40, 60)])  # of the test pipeline, W and H
def test_the_map_that_level_sets_were_trained_on(tmp_path, data, monkeypatch, wrapper, scale):
    """It is the folder's where the training had one, and not the host's own CAM; captions say which."""
    path, cfg = checkpoint(tmp_path / 'x.pth', 'cam', True), config(data, 'cam', True)
    if scale:
        resize = dict(type='Resize', scale=scale, keep_ratio=False)
        cfg.test_dataloader.dataset.pipeline.insert(1, resize)
        cfg.model.data_preprocessor.test_cfg = dict(size_divisor=32)  # which pads it
    seed = np.zeros((2, 48, 70), np.float32)
    seed[0, 10:30, 20:50], seed[1, 5:10, 5:20] = 1, 0.5
    write_seed(tmp_path / 'seeds/one.npz', [0, 2], seed, (48, 70))
    seen = []
    trace = LevelSetHead.trace
    monkeypatch.setattr(LevelSetHead, 'trace', lambda *a: seen.append(a[3]) or trace(*a))
    [own] = image_panels(cfg, path, ['one'])  # a training without guides
    assert [panel.title for panel in own[1:3]] == ['CAM', 'SDF of the CAM']
    cfg.train_dataloader = dict(dataset=wrapped(wrapper, str(tmp_path / 'seeds')))
    one, two = image_panels(cfg, path, ['one', 'two'])
    assert [panel.title for panel in one[1:3]] == [
        'map of guide_dir',
        'SDF of the map of guide_dir',
    ]
    assert two[1].title == 'CAM (none in guide_dir)'
    width, height = scale or (70, 48)
    whole = (64, 64) if scale else (height, width)
    guide, host = seen[1], seen[2]
    assert guide.shape == (1, 3, *whole) and host.shape[2:] == seen[0].shape[2:]
    assert guide[0, 0].sum().item() / (width * height) == pytest.approx(seed[0].mean(), abs=0.02)
    assert not guide[..., height:, :].any() and not guide[..., width:].any()
    assert guide[0, 2].max().item() == pytest.approx(0.5, abs=0.01) and not guide[0, 1].any()
    picture = cv2.imread(str(draw_images(cfg, path, ['one', 'two'], tmp_path / 'p.png')))
    assert len(picture) == 2 * (CAPTION + 220 + GAP)  # two kinds of captions


@pytest.mark.parametrize('typed', ['2021010203', '2021_010203'])
def test_ids_in_either_form(tmp_path, data, typed):
    """An image called 2021010203, in a list that was read; seed and labels have the name of the file."""
    data = Path(shutil.copytree(data, tmp_path / 'data'))
    (data / 'JPEGImages/one.jpg').rename(data / 'JPEGImages/2021010203.jpg')
    for path in (data / 'ImageSets/Segmentation/train.txt', data / 'image_labels.json'):
        path.write_text(path.read_text().replace('one', '2021010203'))
    write_seed(tmp_path / 'seeds/2021010203.npz', [0], np.ones((1, 48, 70), np.float32), (48, 70))
    path, cfg = checkpoint(tmp_path / 'x.pth', 'cam', True), config(data, 'cam', True)
    [panels] = image_panels(cfg, path, [typed], seeds=tmp_path / 'seeds')
    assert panels[-1].title == 'seed'


def test_tracing_level_sets_with_a_cam_head_of_their_own():
    """A supervised model, whose decode head makes no CAM; without a CAM the cure is named."""
    init_default_scope('mmseg')
    cam_head = dict(type='mmlevelset.CAMHead', in_channels=24)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='mmlevelset.LevelSetPreProcessor', size_divisor=32),
            backbone=dict(type='mmlevelset.EfficientNet', arch='lite0', out_indices=(1,)),
            decode_head=dict(type='FCNHead', in_channels=24, in_index=0, channels=8, num_classes=4),
            auxiliary_head=dict(
                type='mmlevelset.LevelSetHead',
                in_channels=(24,),
                in_index=(0,),
                channels=8,
                num_classes=3,
                background=0.5,
                cam_head=cam_head,
            ),
            test_cfg=dict(mode='whole'),
        )
    ).eval()
    sample = SegDataSample(metainfo=dict(img_label=np.float32([1, 0, 1])))
    item = dict(inputs=torch.randint(255, (3, 64, 64), dtype=torch.uint8), data_samples=sample)
    head = model.auxiliary_head
    trace, cam = trace_image(model, head, item)
    expected = head.cam_head.activation(
        model.extract_feat(model.data_preprocessor(pseudo_collate([item]), False)['inputs'])
    )
    assert torch.equal(cam, expected[0]) and set(trace.classes.tolist()) <= {0, 2}
    head.cam_head = None
    with pytest.raises(ValueError, match='no head of the model makes CAMs'):
        trace_image(model, head, item)


def test_energy_drop_needs_an_energy(tmp_path, monkeypatch, refuse):
    """Level sets that no energy drives have no drop to measure."""
    (tmp_path / 'config.py').write_text('model = dict()')
    head = SimpleNamespace(loss_energy=None)
    monkeypatch.setattr(
        'mmlevelset.apis.pictures.load_level_set_model', lambda cfg, checkpoint: (None, head)
    )
    text = refuse('analysis_tools/energy_drop.py', str(tmp_path / 'config.py'), 'weights.pth')
    assert 'loss_energy is None, expected a LevelSetEnergyLoss' in text
