"""Pictures of the chosen images, as texts that a page can hold."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmengine.config import Config

from mmlevelset.apis.pictures import image_panels
from mmlevelset.config import read_config
from mmlevelset.fileio.images import find_images, read_image
from mmlevelset.fileio.labels import VOID, read_label
from mmlevelset.visualization import Panel, draw_outline, label_panel

from .choice import Shown, choose_crop, choose_images, label_of
from .found import Maps

SIDE = 320  # pixels of the longer side of a picture
BEFORE, AFTER, TRUTH = (240, 130, 0), (0, 170, 240), (255, 255, 255)  # RGB of outlines
QUALITY = 88  # of JPEG: outlines stay sharp, and a picture takes about 15 kB


class Picture(NamedTuple):
    """A picture with its caption."""

    title: str
    source: str  # data URI


class Strip(NamedTuple):
    """All pictures of one image."""

    shown: Shown
    evolution: list[Picture]
    boundary: list[Picture]


def draw_strips(arms: Sequence[Maps], work_dir: Path, missing: list[str]) -> list[Strip]:
    """Choose images and draw their evolution and their boundary before and after.

    Args:
        arms (Sequence[Maps]): One or two folders of maps, see
            :func:`~mmlevelset.report.choice.choose_arms`.
        work_dir (Path): Of the pipeline; holds the weights and the configs as they were run.
        missing (list[str]): Gets a sentence for everything that could not be drawn.
    """
    try:
        chosen = choose_images(arms)
        if not chosen:
            missing.append('No pictures: the folders have no image in common.')
            return []
        ids = [shown.id for shown in chosen]
        images = find_images(arms[-1].seeds.get('image_dir') or '', ids)
    except FileNotFoundError as error:
        missing.append(f'No pictures: {error}')
        return []
    evolution = _evolution(arms[-1], work_dir, ids, missing)
    strips = []
    for shown, panels in zip(chosen, evolution, strict=True):
        image, labels = read_image(images[shown.id]), [label_of(arm, shown.id) for arm in arms]
        truth = _truth(arms[-1].seeds, shown.id)
        panels = panels or [Panel('image', image)]
        panels += [
            label_panel(arm.name, image, label) for arm, label in zip(arms, labels, strict=True)
        ]
        panels += [label_panel('ground truth', image, truth)] if truth is not None else []
        boundary = _boundary(arms, image, labels, truth)
        strips.append(Strip(shown, _pictures(panels), _pictures(boundary)))
    return strips


def _evolution(
    maps: Maps, work_dir: Path, ids: Sequence[str], missing: list[str]
) -> list[list[Panel]]:
    """Image, CAM, distance, phi^0, phi^T and contour of every image; empty lists where it has none."""
    nothing: list[list[Panel]] = [[] for _ in ids]
    if not maps.level_set:
        missing.append(f'No evolution: {maps.name} was made without level sets.')
        return nothing
    found = _network(maps, work_dir)
    if found is None:
        missing.append(
            f'No evolution: the config or the weights of {maps.name} are gone '
            f'({maps.seeds.get("config")}, {maps.seeds.get("weights")}).'
        )
        return nothing
    try:
        rows = image_panels(*found, ids)
    except (OSError, ValueError, RuntimeError) as error:
        missing.append(f'No evolution: {error}')
        return nothing
    return [[panel for panel in row if panel.title != 'ground truth'] for row in rows]


def _network(maps: Maps, work_dir: Path) -> tuple[Config, str] | None:
    """Config and weights of the seeds; the config as it was exported and trained, options included."""
    arm = work_dir / Path(maps.name).parts[0]
    weights, config = (Path(maps.seeds.get(key) or '') for key in ('weights', 'config'))
    moved = [path for path in sorted(arm.rglob('*.pth')) if path.name == weights.name]
    weights = next((path for path in (weights, *moved) if path.is_file()), weights)
    runs = [
        read_config(str(path)) for path in sorted(arm.rglob('*.py')) if path.name == config.name
    ]
    runs = [run for run in runs if Path(run.get('load_from') or '').name == weights.name]
    if not runs and config.is_file():
        runs = [read_config(str(config))]
    if not runs or not weights.is_file():
        return None
    cfg, trained = runs[0], weights.with_name(config.name)
    if trained.is_file():  # an export is not told what the training learnt from (guide_dir)
        cfg.train_dataloader = read_config(str(trained)).get('train_dataloader')
    if (
        'module' in cfg.model
    ):  # seeds are exported with test-time augmentation; a picture is drawn without
        cfg.model, cfg.test_dataloader.dataset.pipeline = cfg.model.module, cfg.test_pipeline
    return cfg, str(weights)


def _truth(seeds: dict[str, Any], name: str) -> np.ndarray | None:
    """The mask (H, W) of an image, where there is one; it is shown, and chooses nothing."""
    path = Path(seeds.get('gt_dir') or '', f'{name}.png')
    return read_label(path) if seeds.get('gt_dir') and path.is_file() else None


def _boundary(
    arms: Sequence[Maps], image: np.ndarray, labels: list[np.ndarray], truth: np.ndarray | None
) -> list[Panel]:
    """The part of the image where most has changed, with outlines."""
    if len(labels) == 1:
        return []
    rows, columns = choose_crop(labels[0], labels[1])
    part = _enlarged(image[rows, columns])
    panels = [Panel('part of the image', part)]
    for arm, label, colour in zip(arms, labels, (BEFORE, AFTER), strict=True):
        drawn = part
        for outlines, line in ((truth, TRUTH), (label, colour)):
            if outlines is not None:
                inner = _enlarged(outlines[rows, columns])
                for value in np.setdiff1d(inner, (0, VOID)):
                    drawn = draw_outline(drawn, inner == value, line, 2)
        panels.append(Panel(arm.name, drawn))
    return panels


def _enlarged(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


def _pictures(panels: Sequence[Panel]) -> list[Picture]:
    return [Picture(panel.title, _data_uri(panel.image)) for panel in panels]


def _data_uri(image: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 RGB as a text, as large as it is shown."""
    scale = SIDE / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return f'data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'
