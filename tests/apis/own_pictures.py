"""Two pictures without masks, a config that tests them, and checkpoints of small hosts."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config

from mmlevelset.config import read_config
from tests.models.small_hosts import LEAVES, build_host, host_config
from tests.models.small_mctformer import SEED

CLASSES = ['background', 'a', 'b', 'c']


def write_pictures(root: Path) -> Path:
    """Two pictures of 48 x 70 in VOC's layout; image labels, no masks."""
    (root / 'JPEGImages').mkdir()
    (root / 'ImageSets/Segmentation').mkdir(parents=True)
    names = ['one', 'two']
    for seed, name in enumerate(names):
        picture = np.random.RandomState(seed).randint(0, 256, (48, 70, 3), np.uint8)
        cv2.imwrite(str(root / f'JPEGImages/{name}.jpg'), picture)
    (root / 'ImageSets/Segmentation/train.txt').write_text('\n'.join(names))
    labels = dict(labels={'one': [1, 3], 'two': [2]})
    (root / 'image_labels.json').write_text(json.dumps(labels))
    return root


def config(root: Path, host: str, level_set: bool, **test_cfg) -> Config:
    pipeline = [
        dict(type='mmlevelset.CheckedLoadImage'),
        dict(type='mmlevelset.CheckedLoadAnnotations'),
        dict(type='mmlevelset.PackImageLabels'),
    ]
    dataset = dict(
        type='mmlevelset.VOCImageLabelDataset',
        data_root=str(root),
        ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        image_labels='image_labels.json',
        metainfo=dict(classes=CLASSES),
        pipeline=pipeline,
    )
    return Config(
        dict(
            model=host_config(host, level_set, **test_cfg),
            default_scope='mmseg',
            test_pipeline=pipeline,
            test_dataloader=dict(batch_size=1, dataset=dataset),
            visualizer=dict(
                type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='v'
            ),
        )
    )


def full_config(data: Path, host: str, level_set: bool, **test_cfg) -> Config:
    """A config that tools/test.py takes, with and without --tta."""
    cfg = config(data, host, level_set, **test_cfg)
    leaf = LEAVES[host][0].format('_levelset' if level_set else '')
    cfg.tta_model = read_config(str(SEED / leaf)).tta_model
    cfg.tta_pipeline = [
        dict(type='mmlevelset.CheckedLoadImage'),
        dict(type='mmlevelset.MultiScaleFlip', ratios=[1.0, 1.5]),
    ]
    cfg.test_cfg, cfg.test_evaluator = dict(type='TestLoop'), dict(type='mmlevelset.SeedMetric')
    return cfg


def write_config(cfg: Config) -> None:
    """Write ``config.py`` without mmengine's formatter, which takes seconds."""
    lines = [f'{key} = {value!r}\n' for key, value in cfg.to_dict().items()]
    Path('config.py').write_text(''.join(lines))


def checkpoint(path: Path, host: str, level_set: bool, meta: bool = True) -> str:
    dataset_meta = dict(dataset_meta=dict(classes=CLASSES, palette=[[i] * 3 for i in range(4)]))
    state = dict(state_dict=build_host(host, level_set).state_dict(), meta=dataset_meta)
    torch.save(state if meta else dict(state, meta={}), path)
    return str(path)
