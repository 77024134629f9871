"""A small work folder of a pipeline: two arms on four pictures, one of them with a level set."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import write_meta
from tests.models.small_hosts import build_host, host_config

IDS = ['a', 'b', 'c', 'd', 'e']
SIZE = 48, 64
CLASSES = ['background', 'cat', 'dog', 'cow']
# Columns of a label map that are a cat: the arms differ by 0, 4, 8, 16 and 32 columns.
BEFORE, AFTER = 32, dict(a=32, b=28, c=24, d=16, e=0)


def label(columns: int) -> np.ndarray:
    found = np.zeros(SIZE, np.uint8)
    found[:, :columns] = 1
    return found


def dataset(root: Path) -> dict:
    pipeline = [dict(type='mmlevelset.CheckedLoadImage'), dict(type='mmlevelset.PackImageLabels')]
    return dict(
        type='mmlevelset.VOCImageLabelDataset',
        data_root=str(root),
        ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(img_path='JPEGImages'),
        image_labels='image_labels.json',
        metainfo=dict(classes=CLASSES),
        pipeline=pipeline,
    )


def write_data(root: Path) -> None:
    (root / 'JPEGImages').mkdir(parents=True)
    (root / 'ImageSets/Segmentation').mkdir(parents=True)
    for name in IDS:
        picture = np.random.RandomState(ord(name)).randint(0, 256, (*SIZE, 3), np.uint8)
        cv2.imwrite(str(root / f'JPEGImages/{name}.png'), picture)
        write_label(root / f'SegmentationClass/{name}.png', label(20))
    (root / 'ImageSets/Segmentation/train.txt').write_text('\n'.join(IDS))
    write_json(root / 'image_labels.json', dict(labels={name: [1] for name in IDS}))


def write_training(folder: Path, time: str, first: int, last: int) -> None:
    (folder / time / 'vis_data').mkdir(parents=True)
    records = [
        dict(loss=1 / i, lr=0.1, epoch=1, iter=i, step=i) for i in range(first, last + 1, 10)
    ]
    lines = [json.dumps(record) for record in records]
    (folder / time / 'vis_data/scalars.json').write_text('\n'.join(lines) + '\n')


def write_arm(arm: Path, root: Path, columns: dict[str, int], source: str) -> None:
    config = 'tiny_levelset.py' if source == 'phi' else 'tiny.py'
    seeds = dict(
        kind='seeds',
        classes=CLASSES,
        config=f'configs/{config}',
        weights=str(arm / 'iter_20.pth'),
        image_dir=str(root / 'JPEGImages'),
        gt_dir=str(root / 'SegmentationClass'),
        seed_source=source,
        threshold=0.5,
    )
    for name in IDS:
        write_label(arm / f'labels/{name}.png', label(columns[name]))
    write_meta(arm / 'labels', kind='labels', threshold=0.5, seeds=seeds, complete=True)
    thresholds = [0.0, 0.5, 1.0]
    scores = dict(mIoU=40.0, threshold=0.5, oracle_mIoU=50.0, **{'IoU.cat': 60.0, 'IoU.cow': None})
    write_json(
        arm / 'seeds.json',
        dict(
            kind='seeds',
            scores=scores,
            boundary={'mBIoU': 20.0, 'BIoU.cat': 30.0},
            sweep=dict(thresholds=thresholds, mIoU=[10.0, 40.0, 5.0]),
        ),
    )
    write_training(arm, '20260101_000000', 10, 30)


@pytest.fixture(scope='session')
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests that change it take a copy."""
    root = tmp_path_factory.mktemp('run')
    data, work_dir = root / 'data', root / 'work <dir>'
    write_data(data)
    write_arm(work_dir / 'cam', data, dict.fromkeys(IDS, BEFORE), 'cam')
    write_arm(work_dir / 'levelset', data, AFTER, 'phi')
    weights = work_dir / 'levelset/iter_20.pth'
    model = build_host('cam', level_set=True)
    torch.save(dict(state_dict=model.state_dict(), meta={}), weights)
    # As tools/test.py --tta leaves it.
    test = work_dir / 'levelset/test'
    test.mkdir()
    module = host_config('cam', level_set=True)
    Config(
        dict(
            model=dict(type='mmlevelset.CAMTTAModel', module=module),
            load_from=str(weights),
            default_scope='mmseg',
            test_pipeline=dataset(data)['pipeline'],
            test_dataloader=dict(batch_size=1, dataset={**dataset(data), 'pipeline': ['views']}),
        )
    ).dump(test / 'tiny_levelset.py')
    for i, stage in enumerate(('train_cam', 'train_levelset')):
        write_json(work_dir / '.done' / stage, dict(hash='x', seconds=60.0 * (i + 1), finished=i))
    result = dict(values=[40.0], mean=40.0, std=None)
    row = dict(arm='cam', stage='seeds, train', results=dict(mIoU=result), masks=[])
    facts = dict(config='configs/pipeline/tiny.py', rows=[row], versions=dict(torch='2.13.0'))
    write_json(work_dir / 'results.json', facts)
    return work_dir
