from itertools import chain, zip_longest

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmlevelset.evaluation import BoundaryMetric, SeedMetric, seed_metric
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.seeds import read_seed, seed_to_label
from mmlevelset.registry import METRICS

CLASSES = ('background', 'cat', 'dog', 'cow')


def make_sample(index, truth=True, labels=True):
    rng = np.random.RandomState(index)
    height, width = 20 + index, 30
    target = np.zeros((height, width), np.uint8)
    target[5:15, 5:20] = 1 + index % 2
    target[0] = 255
    scores = np.zeros((3, height, width), np.float32)
    present = index % 2
    noise = rng.rand(height, width)
    scores[present] = np.where(target == present + 1, 0.6 + 0.4 * noise, 0.3 * noise)
    sample = SegDataSample(
        metainfo=dict(img_path=f'images/{index:03d}.jpg', ori_shape=(height, width)),
        seg_logits=PixelData(data=torch.from_numpy(scores)),
        pred_sem_seg=PixelData(data=torch.from_numpy(target[None] * (target[None] != 255)).long()),
    )
    if labels:
        sample.set_metainfo(dict(img_label=np.eye(3, dtype=np.float32)[present]))
    if truth:
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(target[None]).long())
    return sample


def evaluate(metric, samples, classes=CLASSES, **meta):
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = dict(classes=classes, **meta)
    for sample in samples:
        evaluator.process([sample], None)
    return evaluator.evaluate(len(samples))


def test_seed_metric_states_what_the_data_set_states(tmp_path, monkeypatch):
    printed = []
    monkeypatch.setattr(seed_metric, 'print_log', lambda text, **_: printed.append(text))
    stated = dict(gt_dir='masks', overlap='small_on_top', crowd='drop')
    metric = SeedMetric(out_dir=str(tmp_path), split='train')
    evaluate(metric, [make_sample(0)], split='val', **stated)
    expected = dict(stated, split='train')
    assert all(f'\n  {key}: {value}\n' in printed[0] for key, value in expected.items())
    meta = read_meta(tmp_path)
    assert {key: meta[key] for key in expected} == expected


def test_seed_metric_through_the_evaluator(tmp_path):
    config = dict(
        type='mmlevelset.SeedMetric',
        threshold=0.5,
        out_dir=str(tmp_path),
        split='train',
        scales=[0.5, 1],
    )
    metric = METRICS.build(config)
    samples = [make_sample(i) for i in range(4)]
    scores = evaluate(metric, samples)
    assert scores['seed/mIoU'] == scores['seed/oracle_mIoU'] == 100
    assert scores['seed/threshold'] == 0.5 and 0.25 < scores['seed/oracle_threshold'] < 0.6
    assert scores['seed/FP'] == scores['seed/FN'] == 0
    assert scores['seed/IoU.cat'] == 100 and np.isnan(scores['seed/IoU.cow'])
    assert all(isinstance(value, float) for value in scores.values())
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != '.lock') == [
        *(f'{i:03d}.npz' for i in range(4)),
        'meta.json',
    ]
    seed = read_seed(tmp_path / '001.npz')
    assert seed.keys.tolist() == [1] and seed.size == (21, 30)
    target = samples[1].gt_sem_seg.data[0].numpy()
    np.testing.assert_array_equal(seed_to_label(seed, 0.5)[target != 255], target[target != 255])
    meta = read_meta(tmp_path)
    assert (
        meta['classes'] == list(CLASSES) and meta['split'] == 'train' and meta['scales'] == [0.5, 1]
    )
    assert meta['images'] == 4 and meta['threshold'] == 0.5


def of_a_model(sample, source='phi', augmentation='none'):
    """The sample as our models predict it: the background's score first, and what was done."""
    seeds = sample.seg_logits.data
    scores = torch.cat([torch.full_like(seeds[:1], 0.5), seeds])
    sample.set_data(dict(seg_logits=PixelData(data=scores)))
    sample.set_metainfo(dict(seed_source=source, augmentation=augmentation))
    return sample


def test_seed_metric_of_our_models(tmp_path):
    """The background channel is no class; the files say where the seeds come from."""
    plain = evaluate(SeedMetric(threshold=0.5), [make_sample(i) for i in range(2)])
    for augmentation in ('none', '6 views, 3 flipped'):
        folder = tmp_path / augmentation[:1]
        metric = SeedMetric(threshold=0.5, out_dir=str(folder), scales=(0.5, 1.0))
        samples = [of_a_model(make_sample(i), augmentation=augmentation) for i in range(2)]
        assert evaluate(metric, samples) == pytest.approx(plain, nan_ok=True)
        assert read_seed(folder / '001.npz').keys.tolist() == [1]
        meta = read_meta(folder)
        assert (meta['seed_source'], meta['augmentation']) == ('phi', augmentation)
        assert ('scales' in meta) == (augmentation != 'none')


def test_seed_metric_refuses_classes_that_a_classifier_found():
    sample = of_a_model(make_sample(0, labels=False))
    sample.set_metainfo(dict(pred_img_label=np.ones(3, np.float32)))
    with pytest.raises(ValueError, match='000.jpg: got no image-level label.*meta_keys'):
        evaluate(SeedMetric(), [sample])


def test_table_says_what_was_scored(monkeypatch):
    lines = []
    monkeypatch.setattr(seed_metric, 'print_log', lambda text, **_: lines.append(text))
    metric = SeedMetric(split='train.txt', gt_dir='SegmentationClass', scales=(0.5, 1.0))
    evaluate(metric, [make_sample(i) for i in range(2)])
    text = ''.join(lines)
    for word in (
        'train.txt',
        'SegmentationClass',
        '0.5, 1.0',
        'oracle',
        'otsu',
        '2 images',
        'cow',
        'mean IoU of 3',
    ):
        assert word in text


def test_absent_classes_by_convention():
    samples = [make_sample(i) for i in range(2)]
    assert evaluate(SeedMetric(absent='nan'), samples)['seed/mIoU'] == 100
    assert evaluate(SeedMetric(absent='zero'), samples)['seed/mIoU'] == pytest.approx(75)


def test_without_ground_truth_it_exports_and_chooses_a_threshold(tmp_path):
    scores = evaluate(
        SeedMetric(out_dir=str(tmp_path)), [make_sample(i, truth=False) for i in range(3)]
    )
    assert list(scores) == ['seed/threshold'] and 0.3 < scores['seed/threshold'] < 0.6
    assert read_meta(tmp_path)['threshold'] == scores['seed/threshold']


def test_foreground_names_alone_and_no_image_labels_are_fine():
    with_labels = evaluate(SeedMetric(), [make_sample(i) for i in range(3)])
    without = evaluate(
        SeedMetric(), [make_sample(i, labels=False) for i in range(3)], classes=CLASSES[1:]
    )
    assert with_labels == pytest.approx(without, nan_ok=True)


@pytest.mark.parametrize('metric_type', [SeedMetric, BoundaryMetric])
def test_padding_of_distributed_sampling_changes_nothing(metric_type):
    """Two ranks with 5 images: rank 1 repeats image 0; mmengine interleaves and cuts at the data
    set's size."""
    samples = [make_sample(i) for i in range(5)]
    single = evaluate(metric_type(), samples)
    ranks = []
    for order in ((0, 2, 4), (1, 3, 0)):
        metric = metric_type()
        metric.dataset_meta = dict(classes=CLASSES)
        for index in order:
            metric.process(None, [samples[index].to_dict()])
        ranks.append(metric.results)
    gathered = [item for item in chain.from_iterable(zip_longest(*ranks)) if item is not None][:5]
    scores = metric.compute_metrics(gathered)
    assert {f'{metric.prefix}/{key}': value for key, value in scores.items()} == pytest.approx(
        single, nan_ok=True
    )


def test_boundary_metric_through_the_evaluator():
    samples = [make_sample(i) for i in range(3)]
    scores = evaluate(METRICS.build(dict(type='mmlevelset.BoundaryMetric', radii=(1, 3))), samples)
    # The prediction misses only what lies under the void row of the ground truth.
    assert scores['boundary/mBIoU_foreground'] == 100 and scores['boundary/trimap_mIoU@1'] == 100
    samples[0].pred_sem_seg.data = torch.zeros_like(samples[0].pred_sem_seg.data)
    worse = evaluate(BoundaryMetric(), samples)
    assert worse['boundary/mBIoU_foreground'] < 100 and worse['boundary/trimap_mIoU@3'] < 100


def test_mistakes_are_named(tmp_path):
    good = make_sample(0)
    logits = make_sample(0)
    logits.seg_logits.data = 10 * logits.seg_logits.data
    small = make_sample(0)
    small.set_metainfo(dict(ori_shape=(99, 99)))
    none = make_sample(0)
    del none.seg_logits
    for sample, message in (
        (logits, r'000\.jpg.*\[0, 1\]'),
        (small, 'original size'),
        (none, 'no seg_logits'),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate(SeedMetric(), [sample])
    with pytest.raises(ValueError, match='4 foreground classes'):
        evaluate(SeedMetric(), [good], classes=('background', 'a', 'b', 'c', 'd'))
    with pytest.raises(ValueError, match='class names'):
        evaluate(SeedMetric(), [good], classes=None)
    with pytest.raises(ValueError, match='threshold must be'):
        SeedMetric(threshold='best')
    with pytest.raises(ValueError, match='ground truth'):
        evaluate(BoundaryMetric(), [make_sample(0, truth=False)])
    with pytest.raises(ValueError, match='radii'):
        BoundaryMetric(radii=())
