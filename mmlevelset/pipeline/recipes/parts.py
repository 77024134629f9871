"""What the recipes share: words for the shell, options, checkpoints, metrics files and their numbers."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from mmengine.config import Config

from mmlevelset.config import read_config

Stages = list[dict[str, Any]]
Options = Iterable[str]

# Which option of an affinity network's config names what it is trained on.
FEEDS = dict(
    psa='train_dataloader.dataset.pipeline.1.folder={}',
    irn='train_dataloader.dataset.data_prefix.seg_map_path={}/labels',
)
# What says whether the weights of one backbone fit another.
KIND = ('type', 'arch', 'depth')
# Columns of the tables -> numbers in the files that tools/eval_seeds.py writes, of label maps, and of seeds,
SCORES = {
    'mIoU': 'scores.mIoU',
    'boundary IoU': 'boundary.mBIoU',
    'trimap mIoU': 'boundary.trimap_mIoU@3',
}
SEED_SCORES = {
    **SCORES,
    'oracle mIoU': 'scores.oracle_mIoU',
    'threshold': 'scores.threshold',
}
ORACLE_SCORES = {
    'mIoU': 'scores.oracle_mIoU',
    'boundary IoU': 'oracle_boundary.mBIoU',
    'trimap mIoU': 'oracle_boundary.trimap_mIoU@3',
    'threshold': 'scores.oracle_threshold',
}
# and that tools/test.py writes, of seeds and of segmentation models.
ORACLE_EXPORT = {'mIoU': 'seed/oracle_mIoU', 'threshold': 'seed/oracle_threshold'}
MODEL = {
    'mIoU': 'mIoU',
    'boundary IoU': 'boundary/mBIoU',
    'trimap mIoU': 'boundary/trimap_mIoU@3',
}


def check_names(key: str, names: Iterable[str]) -> None:
    """Raise a ValueError if a list of names is a text, of which every letter would be one."""
    if isinstance(names, str):
        raise ValueError(f'{key} must be a list, got the text {names!r}: write {key}=[{names}]')


def word(text: str) -> str:
    """Quote a text for the shell; its ``{work_dir}`` is still filled in, and quoted, when a stage starts."""
    parts = re.split(r'(\{\w+\})', text)
    return ''.join(part if part.startswith('{') else shlex.quote(part) for part in parts if part)


def texts_of(texts: str | Iterable[str]) -> list[str]:
    """Texts as a list; a single text is one, an empty one none.

    Raises:
        ValueError: Something else stands among them.
    """
    found = [texts] if isinstance(texts, str) or not isinstance(texts, Iterable) else [*texts]
    if wrong := [text for text in found if not isinstance(text, str)]:
        raise ValueError(
            f'options must be texts such as key=value, or a list of them, got {wrong[0]!r}'
        )
    return [*filter(None, found)]


def words(texts: str | Iterable[str]) -> str:
    """Quote texts as several words, see :func:`texts_of`."""
    return ' '.join(map(word, texts_of(texts)))


def options_of(*pairs: str) -> str:
    """``--cfg-options`` with pairs; nothing without any."""
    return f' --cfg-options {words(pairs)}' if pairs else ''


@lru_cache
def config_of(path: str) -> Config:
    """A config that a declaration names, read once; not to be changed."""
    return read_config(path)


def final_checkpoint(config: str) -> str:
    """Name of the checkpoint that the training of a config ends with."""
    loop = config_of(config).train_cfg
    epochs = loop.get('max_epochs')
    return f'epoch_{epochs}.pth' if epochs else f'iter_{loop.max_iters}.pth'


def last_checkpoint(folder: str) -> str:
    """The last checkpoint of a training, for the shell: by its name alone, as the folder may be moved."""
    return f'{folder}/$(basename "$(cat {folder}/last_checkpoint)")'


def backbone_of(host: str, checkpoint: str, model: str) -> list[str]:
    """Options that let a model start from the backbone of a trained network.

    Args:
        host (str): Config of the network.
        checkpoint (str): Its weights.
        model (str): Config of the model.

    Returns:
        list[str]: the options.

    Raises:
        ValueError: The backbones are of two kinds: no weight would fit, and the model's own would be lost.
    """
    got, wanted = (
        {key: config_of(path).model.backbone.get(key) for key in KIND} for path in (model, host)
    )
    if got != wanted:
        raise ValueError(
            f'{model} has a backbone of {got}, the host {host} one of {wanted}: a model cannot start from it; '
            'take a model with that backbone, or leave out what lets it start there '
            '(model_from_host, models.backbone, host_backbone)'
        )
    start = 'model.backbone.init_cfg'
    return [f'{start}.checkpoint={checkpoint}', f'{start}.prefix=backbone.']


def moved_data(config: str, data_root: str, loader: str) -> list[str]:
    """Options that let a data loader of a config read ``data_root``; none where it does already."""
    dataset = config_of(config)[loader].dataset.to_dict()
    # Pseudo-labels lie elsewhere than their images: such a data set has no root, and full paths.
    root = dataset.get('data_root') or dataset['ann_file'].partition('/ImageSets/')[0]
    if root == data_root:
        return []
    return [
        f'{key}={data_root}{path.removeprefix(root)}'
        for key, path in _texts(dataset, f'{loader}.dataset')
        if path == root or path.startswith(f'{root}/')
    ]


def _texts(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """All texts of nested dicts and lists, with their dotted keys."""
    if isinstance(node, str):
        yield key, node
    elif isinstance(node, dict | list | tuple):
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for name, value in items:
            yield from _texts(value, f'{key}.{name}')


def row(
    arm: str,
    stage: str,
    metrics: str | list[str],
    numbers: Mapping[str, str],
    columns: Iterable[str],
) -> dict[str, Any]:
    """A row of the result table: of its file's numbers, those of the wanted columns."""
    keys = {column: numbers[column] for column in columns if column in numbers}
    return dict(arm=arm, stage=stage, metrics=metrics, keys=keys)


def seeded_row(
    arm: str,
    stage: str,
    random_seeds: Iterable[int],
    file: str,
    numbers: Mapping[str, str],
    columns: Iterable[str],
) -> dict[str, Any]:
    """A row over the random seeds of a variant, whose folders are ``<arm>_s<random seed>``."""
    random_seeds = list(random_seeds)
    metrics = [f'{{work_dir}}/{arm}_s{seed}/{file}' for seed in random_seeds]
    return dict(row(arm, stage, metrics, numbers, columns), random_seeds=random_seeds)
