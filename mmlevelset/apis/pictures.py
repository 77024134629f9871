"""Collect every map of the method for a few images, and draw them."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.datasets import BaseSegDataset
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import DATASETS
from torch import Tensor

from mmlevelset.datasets.guide import LoadGuide
from mmlevelset.fileio.ids import image_id
from mmlevelset.fileio.images import read_image
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.levelset import LevelSetTrace
from mmlevelset.models import LevelSetHead
from mmlevelset.models.seeds import cam_source, level_set_of
from mmlevelset.models.trained import load_trained
from mmlevelset.structures.fields import image_labels, unit_images
from mmlevelset.structures.host import Host, guide_of, text_similarities
from mmlevelset.visualization import (
    GUIDE,
    Panel,
    draw_rows,
    label_panel,
    score_panel,
    trace_panels,
)

from .label_folder import drop_masks


def load_level_set_model(cfg: Config, checkpoint: str) -> tuple[BaseSegmentor, LevelSetHead]:
    """Build the model of ``cfg`` with the weights of ``checkpoint``, and find its level-set head.

    Raises:
        ValueError: When the model has no LevelSetHead.
    """
    model = load_trained(cfg, checkpoint)[0]
    head = level_set_of(model)
    if head is None:
        raise ValueError('the model has no LevelSetHead: give a level-set config and checkpoint')
    return model, head


@torch.no_grad()
def trace_image(
    model: Host, head: LevelSetHead, item: dict, guide: np.ndarray | None = None
) -> tuple[LevelSetTrace, Tensor]:
    """Trace one item of a data set.

    Args:
        model: The host.
        head: Its level sets.
        item: Of the data set.
        guide: Map that the level sets learn from, (H, W, C) uint8 as of LoadGuide; default: the host's.

    Returns:
        tuple: the trace of the present classes, and what they learn from, (C, h, w) >= 0.

    Raises:
        ValueError: No head of the model makes CAMs.
    """
    source = cam_source(model)
    if source is None:
        raise ValueError(
            'no head of the model makes CAMs: use a decode head that does (CAMHead), or give the '
            'LevelSetHead its cam_head'
        )
    data = model.data_preprocessor(pseudo_collate([item]), False)
    features = model.extract_feat(data['inputs'])
    metas = [s.metainfo for s in data['data_samples']]
    labels = image_labels(metas, source.num_classes, data['inputs'])
    if guide is None:
        cam = guide_of(source, features, labels)
    else:  # as the image: resized like a mask, and padded to the right and below
        height, width = data['inputs'].shape[2:]
        size = tuple(metas[0].get('img_shape', (height, width))[:2])
        cam = F.interpolate(torch.from_numpy(guide).permute(2, 0, 1)[None].to(labels) / 255, size)
        cam = F.pad(cam, (0, width - size[1], 0, height - size[0]))
    samples = data['data_samples']
    image, text = unit_images(samples), text_similarities(model, features, samples)
    return head.trace(features, image, cam, labels, text), cam[0]


def draw_images(
    cfg: Config,
    checkpoint: str,
    ids: Sequence[str],
    out: str | Path,
    seeds: str | Path | None = None,
    labels: str | Path | None = None,
) -> Path:
    """Draw the panels of :func:`image_panels` into one picture, a row an image.

    Args:
        cfg: Config with a level set; its ``test_dataloader`` names the images.
        checkpoint: Weights.
        ids: Image ids, in the order of the rows.
        out: PNG to write.
        seeds: Folder of seed files; ``None`` leaves the column out.
        labels: Folder of pseudo-labels; ``None`` leaves the column out.

    Returns:
        Path: ``out``.

    Raises:
        ValueError: When an id is not in the data set.
    """
    return draw_rows(image_panels(cfg, checkpoint, ids, seeds, labels), out)


def image_panels(
    cfg: Config,
    checkpoint: str,
    ids: Sequence[str],
    seeds: str | Path | None = None,
    labels: str | Path | None = None,
) -> list[list[Panel]]:
    """Image, CAM, SDF, phi^0, phi^T, its contour, seed, pseudo-label and ground truth of images.

    In the place of the CAM stands the map of ``guide_dir``, where the config trains on one and the folder
    has one of the image; the captions say which it is.

    One level set per image is shown, the present class with the largest region. Data without masks
    have no panel of the ground truth.

    Args:
        cfg: Config with a level set; its ``test_dataloader`` names the images.
        checkpoint: Weights.
        ids: Image ids.
        seeds: Folder of seed files; ``None`` leaves the panel out.
        labels: Folder of pseudo-labels; ``None`` leaves the panel out.

    Returns:
        list[list[Panel]]: a list an image.

    Raises:
        ValueError: When an id is not in the data set.
    """
    model, head = load_level_set_model(cfg, checkpoint)
    dataset = _build_dataset(cfg)
    same = getattr(dataset, 'same', image_id)
    index = {same(dataset.get_data_info(i)['img_id']): i for i in range(len(dataset))}
    if missing := [i for i in ids if same(i) not in index]:
        raise ValueError(f'{missing} are not in the data set ({len(index)} images); check the ids')
    rows, folders = [], list(guide_dirs(cfg.get('train_dataloader') or {}))
    for name in ids:
        info = dataset.get_data_info(index[same(name)])
        image = read_image(info['img_path'])
        guide, source = loaded_guide(folders, info, image)
        trace, cam = trace_image(model, head, dataset[index[same(name)]], guide)
        panels = trace_panels(image, trace, cam, head.truncate / trace.stride, source=source)
        rows.append(panels + _more_panels(image, info, seeds, labels))
    return rows


def guide_dirs(settings: Mapping) -> Iterator[str]:
    """The folders of maps that level sets learn from, of a data set or of those inside it."""
    if settings.get('guide_dir'):
        yield settings['guide_dir']
    for step in settings.get('pipeline') or ():
        if str(step.get('type')).endswith('LoadGuide') and step.get('field', 'guide') == 'guide':
            yield step['seed_dir']
    inside = settings.get('dataset')
    for one in settings.get('datasets') or ([inside] if inside else []):
        yield from guide_dirs(one)


def loaded_guide(
    folders: Sequence[str], info: dict, image: np.ndarray
) -> tuple[np.ndarray | None, str]:
    """The map of an image (H, W, C) in the first folder that has one, and what captions call it."""
    if not folders:
        return None, 'CAM'
    for folder in folders:
        if Path(folder, f'{Path(info["img_path"]).stem}.npz').is_file():
            return LoadGuide(folder).transform(dict(info, img_shape=image.shape))['guide'], GUIDE
    return None, 'CAM (none in guide_dir)'


def _build_dataset(cfg: Config) -> BaseSegDataset:
    """Build the test data set, whose items have no mask and whose ids know theirs if there is one."""
    with_masks = copy.deepcopy(cfg.test_dataloader.dataset)
    drop_masks(cfg)
    with_masks.pipeline = cfg.test_dataloader.dataset.pipeline
    try:
        return DATASETS.build(with_masks)
    except FileNotFoundError:  # the masks, or what the second try names
        return DATASETS.build(cfg.test_dataloader.dataset)


def _more_panels(
    image: np.ndarray, info: dict, seeds: str | Path | None, labels: str | Path | None
) -> list[Panel]:
    panels, name = [], info['img_id']
    if seeds is not None:
        seed = read_seed(Path(seeds) / f'{name}.npz')
        score = seed.scores.max(0) if len(seed.scores) else np.zeros(image.shape[:2])
        panels.append(score_panel('seed', image, score.astype(np.float32)))
    if labels is not None:
        panels.append(label_panel('pseudo-label', image, read_label(Path(labels) / f'{name}.png')))
    if 'seg_map_path' in info:
        panels.append(label_panel('ground truth', image, read_label(info['seg_map_path'])))
    return panels
