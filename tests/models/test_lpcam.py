"""LPCAM against recorded prototypes and seeds of its official code, and the command that makes them.

tests/data/lpcam.npz was recorded from zhaozhengChen/LPCAM (commit 39cdd8d) and kmeans_pytorch 0.3: all
three functions of step/make_lpcam.py on a CPU, with the weights and images of ``tests/models/official.py``.
Three images of 96 x 128, 112 x 96 and 128 x 128 show the classes 2 and 5, 2, and 5; seeds are random; 4
clusters, of a class above 0.0052, of a context between 0.003 and 0.0038, since the scores of random weights
are low; the clusterings start from ``np.random.seed(0)``, 1, 2 and 3. Every 16th channel and every 4th pixel
are kept. Class 5 has no context, so its seeds are those of the branch that cuts nothing off.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmlevelset.apis.prototypes import make_prototypes
from mmlevelset.config import read_config
from mmlevelset.fileio.seeds import write_seed
from mmlevelset.models import LPCAM
from mmlevelset.models.cam_methods.prototypes import (
    PrototypeRule,
    choose,
    cosine_kmeans,
    network_hash,
    read_prototypes,
    split_by_seed,
    write_prototypes,
)
from tests.models.official import filled, image, uniform
from tests.models.small_hosts import build_host, host_config, pictures

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = np.load(ROOT / 'tests/data/lpcam.npz')
SHOWN = {'a': ((96, 128), (2, 5)), 'b': ((112, 96), (2,)), 'c': ((128, 128), (5,))}
RULE = PrototypeRule(clusters=4, class_score=0.0052, context_score=(0.003, 0.0038))


@pytest.fixture(scope='module')
def official() -> nn.Module:
    """The config's test-time augmentation of the ResNet-50 with the recorded weights."""
    cfg = read_config(str(ROOT / 'configs/seed/lpcam/resnet50_voc12.py'))
    init_default_scope('mmseg')
    tta = MODELS.build(dict(cfg.tta_model, module=cfg.model)).eval()
    names = {'decode_head.conv_seg.weight': 'classifier.weight'}
    tta.module.load_state_dict(
        {
            key: filled(names.get(key, key.replace('backbone.', 'resnet50.')), tuple(value.shape))
            for key, value in tta.module.state_dict().items()
        }
    )
    return tta


@pytest.fixture(scope='module')
def chosen(official: nn.Module) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    """Class and context prototypes, made from features and seeds as they were recorded."""
    net, found = official.module, {}
    weight = net.decode_head.conv_seg.weight.detach()[:, :, 0, 0]
    with torch.no_grad():
        features = {
            name: net.extract_feat(image(f'lpcam/{name}/1.0', 1, *size))[-1][0]
            for name, (size, _) in SHOWN.items()
        }
    for n, target in enumerate((2, 5)):
        pixels = []
        for name, (size, classes) in SHOWN.items():
            if target in classes:
                seed = ((uniform(f'lpcam/seed/{name}/{target}', size) + 1) * 0.5 - 0.3).clip(0, 1)
                seed = torch.from_numpy(np.round(seed.astype('f4') * 255) / 255)
                pixels.append(split_by_seed(features[name], seed, RULE.select))
        both = [torch.cat(part) for part in zip(*pixels, strict=True)]
        centres = [
            cosine_kmeans(x, RULE.clusters, RULE.tolerance, np.random.RandomState(2 * n + i))
            for i, x in enumerate(both)
        ]
        for key, got in zip((f'centres_{target}', f'centres2_{target}'), centres, strict=True):
            np.testing.assert_allclose(got[:, ::16], GOLDEN[key], rtol=1e-3, atol=1e-4)
        found[target] = choose(*centres, weight, target, RULE)
    return found


def test_official_prototypes(chosen: dict) -> None:
    for target, both in chosen.items():
        for name, got in zip(('class', 'context'), both, strict=True):
            np.testing.assert_allclose(
                got[:, ::16], GOLDEN[f'{name}_{target}'], rtol=1e-3, atol=1e-4
            )
    assert len(chosen[5][1]) == 0 < len(chosen[2][1])


@torch.no_grad()
def test_official_seeds(official: nn.Module, chosen: dict, tmp_path: Path) -> None:
    path = tmp_path / 'prototypes.npz'
    inside, context = ({k: both[i].numpy() for k, both in chosen.items()} for i in (0, 1))
    meta = dict(network=network_hash(official.module), weights='recorded')
    write_prototypes(path, inside, context, meta)
    official.recipe._method.path = str(path)
    mean, std = official.module.data_preprocessor.mean, official.module.data_preprocessor.std
    (size, classes), label = SHOWN['a'], np.zeros(20, np.float32)
    label[list(classes)] = 1
    data = dict(inputs=[], data_samples=[])
    for scale in (1.0, 0.5, 1.5, 2.0):
        view = [round(side * scale) for side in size]
        x = image(f'lpcam/a/{scale}', 1, *view)[0] * std + mean
        meta = dict(img_label=label, ori_shape=size, img_shape=tuple(view))
        data['inputs'].append([x.flip(0)])  # the preprocessor swaps BGR to RGB
        data['data_samples'].append([SegDataSample(metainfo=meta)])
    (result,) = official.test_step(data)
    seeds = result.seg_logits.data[1:][list(classes), ::4, ::4]
    # Differences of cosines near 1 are divided by their largest, 1e-3 or so.
    np.testing.assert_allclose(seeds, GOLDEN['seeds_a'], atol=1e-3)
    assert result.cam_method.startswith('LPCAM, prototypes ')


def test_kmeans_by_hand() -> None:
    """Two directions of different lengths: angles decide, and centres are plain means."""
    x = torch.tensor([[1.0, 0.1], [10.0, 0.9], [0.1, 1.0], [0.2, 2.0]])
    centres = cosine_kmeans(x, 2, 1e-12, np.random.RandomState(0))
    expected = torch.tensor([[5.5, 0.5], [0.15, 1.5]])
    order = centres[:, 0].argsort(descending=True)
    torch.testing.assert_close(centres[order], expected)
    assert len(cosine_kmeans(x, 9, 1e-12, np.random.RandomState(0))) == 4
    same = cosine_kmeans(torch.ones(5, 3), 3, 1e-12, np.random.RandomState(0))  # two are empty
    assert torch.isfinite(same).all()


def test_the_best_cluster_serves_where_none_is_sure() -> None:
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    inside = torch.tensor([[1.0, 0.9], [1.0, 0.5], [0.0, 1.0]])
    context = torch.tensor([[0.0, 9.0], [0.0, 1.0], [9.0, 0.0]])  # scores 0.0001, 0.27 and 0.9999
    kept, around = choose(inside, context, weight, 0, PrototypeRule())
    assert kept.tolist() == [[1.0, 0.5]] and around.tolist() == [[0.0, 1.0]]
    assert len(choose(inside, context, weight, 0, PrototypeRule(class_score=0.5))[0]) == 2


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, nn.Module]]:
    """A small host with its config and weights, three images and their seeds."""
    root = tmp_path_factory.mktemp('lpcam')
    model, rng = build_host('cam'), np.random.RandomState(0)
    torch.save(dict(state_dict=model.state_dict()), root / 'host.pth')
    (root / 'JPEGImages').mkdir()
    names = ['background', 'cat', 'dog', 'horse']
    labels = dict(a=[0], b=[1], c=[0, 1])
    one_based = {id_: [key + 1 for key in keys] for id_, keys in labels.items()}
    for id_, keys in labels.items():
        pixels = rng.randint(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f'JPEGImages/{id_}.jpg')
        scores = rng.random_sample((len(keys), 64, 64)).astype(np.float32) ** 3
        write_seed(root / f'seeds/{id_}.npz', keys, scores, (64, 64))
    (root / 'seeds/meta.json').write_text(json.dumps(dict(kind='seeds', images=3, complete=True)))
    (root / 'labels.json').write_text(json.dumps(dict(classes=names, labels=one_based)))
    (root / 'train.txt').write_text('a\nb\nc\n')
    dataset = dict(
        type='mmlevelset.VOCImageLabelDataset',
        data_root=str(root),
        ann_file='train.txt',
        image_labels='labels.json',
        metainfo=dict(classes=names),
        pipeline=[
            dict(type='mmlevelset.CheckedLoadImage'),
            dict(type='mmlevelset.PackImageLabels'),
        ],
    )
    cfg = dict(
        default_scope='mmseg', model=host_config('cam'), test_dataloader=dict(dataset=dataset)
    )
    Config(cfg).dump(root / 'host.py')
    yield root, model


def prototypes_of(root: Path, **rule) -> dict[str, list[int]]:
    cfg = read_config(str(root / 'host.py'))
    rule = PrototypeRule(clusters=3, class_score=0.5, **rule)
    return make_prototypes(cfg, str(root / 'host.pth'), root / 'seeds', root / 'p.npz', rule)


def test_command_makes_what_the_export_reads(world: tuple[Path, nn.Module]) -> None:
    root, model = world
    counts = prototypes_of(root)
    assert set(counts) == {'cat', 'dog'} and all(n >= 1 for n, _ in counts.values())
    groups, meta = read_prototypes(root / 'p.npz')
    assert meta['rule']['clusters'] == 3 and meta['images'] == 3
    vectors, of = groups['class']
    assert vectors.shape == (sum(n for n, _ in counts.values()), 16) and set(of.tolist()) == {0, 1}

    features = root / 'p_features/a.npz'
    before = (root / 'p.npz').read_bytes(), features.stat().st_mtime_ns
    assert prototypes_of(root) == counts  # again: the features stay, the result is the same
    assert before == ((root / 'p.npz').read_bytes(), features.stat().st_mtime_ns)

    data = model.data_preprocessor(pictures([(64, 64)], [(1, 1, 0)]), False)
    with torch.no_grad():
        labels = torch.tensor([[1.0, 1, 0]])
        cam = LPCAM(str(root / 'p.npz')).maps(model, data['inputs'], labels, [{}])
        feature = model.extract_feat(data['inputs'])[-1]
        feature = (feature + model.extract_feat(data['inputs'].flip(3))[-1].flip(3))[0]
    for target in (0, 1):
        likeness = [
            torch.stack(
                [torch.cosine_similarity(feature, p[:, None, None], 0) for p in v[o == target]]
            )
            for v, o in groups.values()
            if (o == target).any()
        ]
        expected = sum(
            s * x.mean(0) for s, x in zip((1, -1), likeness, strict=False)
        )  # a context may be empty
        torch.testing.assert_close(cam[0, target], expected.clamp_min(0), atol=1e-5, rtol=1e-4)
    assert cam.min() >= 0 and (cam[0, 2] == 0).all()


@pytest.mark.parametrize(
    'change', [dict(seed_source='phi'), dict(weights_hash='0' * 16), dict(cam_method='AdvCAM')]
)
def test_seeds_that_are_not_the_plain_cam(
    world: tuple[Path, nn.Module], change: dict, tmp_path: Path
) -> None:
    root, _ = world
    shutil.copytree(root / 'seeds', tmp_path / 'seeds')
    meta = tmp_path / 'seeds/meta.json'
    meta.write_text(json.dumps(json.loads(meta.read_text()) | change))
    cfg = read_config(str(root / 'host.py'))
    with pytest.raises(ValueError, match='expected the plain CAM of .*host.pth: export it'):
        make_prototypes(
            cfg, str(root / 'host.pth'), tmp_path / 'seeds', tmp_path / 'p.npz', PrototypeRule()
        )


def test_refusals(world: tuple[Path, nn.Module], tmp_path: Path) -> None:
    root, model = world
    if not (root / 'p.npz').is_file():
        prototypes_of(root)
    data = model.data_preprocessor(pictures([(64, 64)]), False)['inputs']
    with torch.no_grad():
        with pytest.raises(FileNotFoundError, match='no prototypes .*lpcam_prototypes.py'):
            LPCAM(str(tmp_path / 'none.npz')).maps(model, data, torch.ones(1, 3), [{}])
        with pytest.raises(ValueError, match=r'no prototype of the classes \[2\]'):
            LPCAM(str(root / 'p.npz')).maps(model, data, torch.ones(1, 3), [{}])
        other = build_host('cam')
        other.decode_head.conv_seg.weight.data += 1e-3
        with pytest.raises(ValueError, match='prototypes of other weights.*host.pth'):
            LPCAM(str(root / 'p.npz')).maps(other, data, torch.ones(1, 3), [{}])
    (tmp_path / 'bad.npz').write_bytes(b'no archive')
    with pytest.raises(ValueError, match='bad.npz is damaged'):
        read_prototypes(tmp_path / 'bad.npz')
    with pytest.raises(ValueError, match='no seed of cat exceeds 1.0'):
        prototypes_of(root, select=1.0)
