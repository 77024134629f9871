"""Two pictures without masks, a config that tests them, and checkpoints of small hosts."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config

from tests.models.small_hosts import build_host, host_config

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


def checkpoint(path: Path, host: str, level_set: bool, meta: bool = True) -> str:
    dataset_meta = dict(dataset_meta=dict(classes=CLASSES, palette=[[i] * 3 for i in range(4)]))
    state = dict(state_dict=build_host(host, level_set).state_dict(), meta=dataset_meta)
    torch.save(state if meta else dict(state, meta={}), path)
    return str(path)
