"""The page docs/en/mistakes.md: each mistake is made, and prints what the page says."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import write_meta
from mmlevelset.fileio.seeds import write_seed

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs/en/mistakes.md'
LEVEL_SET = str(ROOT / 'configs/seed/cam/efficientnet-lite0_levelset_shapes.py')
PIPELINE = str(ROOT / 'configs/pipeline/shapes_efficientnet-lite0_levelset.py')
Refuse = Callable[..., str]


def seeds(complete: bool = True) -> None:
    write_seed('seeds/a.npz', [0], np.full((1, 8, 8), 0.7, np.float32), (8, 8))
    write_meta('seeds', kind='seeds', classes=['background', 'cat'], images=1, complete=complete)


def cut(refuse: Refuse, *words: str) -> str:
    return refuse('make_pseudo_labels.py', 'seeds', 'labels', '--threshold', *words)


def score(refuse: Refuse, mask: np.ndarray | Image.Image | None) -> str:
    seeds()
    if isinstance(mask, Image.Image):
        Path('masks').mkdir()
        mask.save('masks/a.png')
    elif mask is not None:
        write_label('masks/a.png', mask)
    return refuse('eval_seeds.py', 'seeds', '--gt', 'masks')


def train(refuse: Refuse, *options: str) -> str:
    return refuse('train.py', LEVEL_SET, '--cfg-options', *options)


def own_data(labels: dict[str, list[int]], names: list[str]) -> str:
    """What a training on two own images says when it begins."""
    Path('mine/JPEGImages').mkdir(parents=True)
    for name in ('cat_1', 'cat_2'):
        Image.new('RGB', (8, 8)).save(f'mine/JPEGImages/{name}.png')
    Path('mine/train.txt').write_text('cat_1\ncat_2\n')
    facts = dict(classes=['background', 'cat'], labels=labels)
    Path('mine/image_labels.json').write_text(json.dumps(facts))
    init_default_scope('mmseg')
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        DATASETS.build(
            dict(
                type='mmlevelset.VOCImageLabelDataset',
                data_root='mine',
                ann_file='train.txt',
                image_labels='image_labels.json',
                data_prefix=dict(img_path='JPEGImages'),
                metainfo=dict(classes=names),
                pipeline=[],
            )
        )
    return str(caught.value)


def unfinished(refuse: Refuse) -> str:
    seeds(complete=False)
    return cut(refuse, '0.5')


def percent(refuse: Refuse) -> str:
    seeds()
    return cut(refuse, '50')


def other_settings(refuse: Refuse) -> str:
    write_label('labels/a.png', np.zeros((8, 8), np.uint8))
    write_meta('labels', kind='labels', threshold=0.5, threshold_rule=0.5, complete=True)
    seeds()
    return cut(refuse, '0.6')


def images_elsewhere(refuse: Refuse) -> str:
    seeds()
    crf = str(ROOT / 'configs/refine/crf.py')
    return refuse('refine.py', crf, '--seeds', 'seeds', '--out', 'crf', '--images', 'photos')


MISTAKES: dict[str, Callable[[Refuse], str]] = {
    'The name of a config is misspelt': lambda r: r('train.py', 'cam/resnet50_voc21'),
    'The name of an option is misspelt': lambda r: train(r, 'modle.decode_head.num_classes=3'),
    'The level set starts before the host is trained': lambda r: train(
        r, 'load_from=host/epoch_6.pth'
    ),
    'The checkpoint is elsewhere': lambda r: r('test.py', LEVEL_SET, 'epoch_14.pth'),
    'An image has no label': lambda r: own_data({'cat_1': [1]}, ['background', 'cat']),
    'Labels and config name other classes': lambda r: own_data(
        {'cat_1': [1], 'cat_2': [1]}, ['background', 'dog']
    ),
    'A threshold in per cent': percent,
    'Labels are cut before all seeds are there': unfinished,
    'A folder is filled a second time with other settings': other_settings,
    'The folder of masks is wrong': lambda r: score(r, None),
    'Masks are colour images': lambda r: score(r, Image.new('RGB', (8, 8))),
    'Masks have another size than the images': lambda r: score(r, np.zeros((8, 9), np.uint8)),
    'Masks hold more classes than the data set': lambda r: score(r, np.full((8, 8), 7, np.uint8)),
    'The images are not where the refiner looks': images_elsewhere,
    'A stage is run before those that it builds on': lambda r: r(
        'pipeline.py', PIPELINE, '--only', 'labels_cam', '--work-dir', 'run'
    ),
}


def page() -> dict[str, str]:
    """Mistake -> what the page says is printed."""
    blocks = re.findall(
        r'\*\*\d+\. ([^*\n]+)\*\*\n\n```text\n(.*?)```', PAGE.read_text('utf-8'), re.DOTALL
    )
    return {mistake: ' '.join(printed.split()) for mistake, printed in blocks}


def test_the_page_holds_every_mistake() -> None:
    assert list(page()) == list(MISTAKES) and len(MISTAKES) == 15


@pytest.mark.parametrize('mistake', MISTAKES)
def test_printed(mistake, refuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = ' '.join(MISTAKES[mistake](refuse).split()).replace(f'{ROOT}/', '')
    start, _, end = page()[mistake].partition('…')
    assert printed.startswith(start) and printed.endswith(end), printed
