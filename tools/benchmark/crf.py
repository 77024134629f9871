"""The dense CRF after a model of many labels: fewer labels, and more processes."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.datasets.shapes import draw_image
from mmlevelset.engine.crf_test_loop import build_crf, refine_batch
from mmlevelset.fileio.images import IMAGE_SUFFIXES, read_image
from mmlevelset.installation import find_config
from mmlevelset.models.seg_tta import CRF, CRFTask, likely_labels
from mmlevelset.parallel import parallel

from .sections import Setup
from .timing import Comparison, Row, summary

ALL, LIKELY, PRESENT = 'all labels', 'labels that score', 'labels of the image'
TOLERANCE = 0.03  # of configs/retrain/deeplabv2_r101_coco14.py
PRESENT_LABELS = 4  # background and three classes; COCO's images show 2.9 on average
CONFUSED_LABELS = 12  # what else the model takes a region for now and then
STRIDE = 8  # of DeepLab's logits
# Logits of the three kinds, beside noise of 1. They leave the largest score near that of a trained model.
BIAS = dict(present=7.0, confused=2.0, other=-2.0)


def crf(setup: Setup) -> Iterator[Comparison | Processes]:
    """Time the CRF of COCO's tests with all labels and with fewer, then in one and two processes."""
    config = Config.fromfile(find_config('mmlevelset::_base_/refine/dense_crf.py'))
    config = config.crf_deeplabv2_test.to_dict()
    refiner = build_crf(config)
    image = photograph(setup.images, setup.crf_size)
    scores = label_scores(setup.crf_labels, setup.crf_size, torch.Generator().manual_seed(0))
    kept = {
        ALL: np.arange(len(scores)),
        LIKELY: likely_labels(scores, TOLERANCE),
        PRESENT: np.arange(min(PRESENT_LABELS, len(scores))),
    }
    height, width = setup.crf_size
    case = f'{width}×{height}'
    comparison = Comparison('crf', case, setup.device, {f'times {ALL}': lambda method: ALL})
    truth = refined(refiner, image, scores, kept[ALL])
    for name, labels in kept.items():
        run = partial(refined, refiner, image, scores, labels)
        check = partial(_differences, truth, len(labels))
        comparison.add(name, partial(_given, run), check)
    yield comparison
    yield Processes(f'{case}, {len(kept[LIKELY])} labels', config, image, scores, kept[LIKELY])


class Processes:
    """The CRFs of several images in one and in two processes, as ``CRFTestLoop`` runs them.

    Args:
        case (str): what is computed.
        config (dict): of the CRF.
        image (ndarray): (H, W, 3) uint8.
        scores (ndarray): of all labels, (L, H, W).
        labels (ndarray): those that take part, (K,).
        images (int): CRFs of a round; odd, so that after the first of two processes both have as
            many left.
    """

    def __init__(
        self,
        case: str,
        config: dict,
        image: np.ndarray,
        scores: np.ndarray,
        labels: np.ndarray,
        images: int = 5,
    ) -> None:
        self.case, self.config, self.image, self.images = case, config, image, images
        self.labels, self.scores = labels, scores[labels]

    def measure(self, repeats: int, seconds: float) -> list[Row]:
        """Seconds an image, in turns; see :meth:`Comparison.measure`. Ratios are medians of the rounds."""
        samples: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / 'image.png'
            Image.fromarray(self.image).save(path)
            task = CRFTask(str(path), self.labels, self.scores)
            for done in range(repeats):
                if done >= min(3, repeats) and time.monotonic() - start > seconds:
                    break
                for jobs in list(samples)[:: 1 if done % 2 == 0 else -1]:
                    samples[jobs].append(self._round(task, jobs))
        rows = []
        for jobs, rounds in samples.items():
            for what, which in (('elapsed', 0), ('CPU time', 1)):
                times = [pair[which] for pair in rounds]
                ratios = [
                    pair[which] / one[which] for pair, one in zip(rounds, samples[1], strict=True)
                ]
                row: Row = dict(section='crf', case=self.case, method=f'processes: {jobs}, {what}')
                row |= dict(summary(times), peak=None, labels=len(self.labels))
                rows.append(row | {'times one process': summary(ratios)['median']})
        return rows

    def _round(self, task: CRFTask, jobs: int) -> tuple[float, float]:
        """Seconds an image, elapsed and of a CPU, after the first result: processes take seconds to start."""
        setup = partial(build_crf, self.config)
        tasks = ([task] for _ in range(self.images))
        results = parallel(_refine_timed, tasks, self.images, 'CRF', jobs, setup, batch=1)
        with redirect_stdout(sys.stderr):  # its progress is no part of the tables
            next(results)
            start = time.perf_counter()
            spent = sum(results)
        images = self.images - 1
        return (time.perf_counter() - start) / images, spent / images


def _refine_timed(crf: CRF, tasks: list[CRFTask]) -> float:
    """Seconds of the processor that the CRFs of a batch take, in whatever process."""
    start = time.process_time()
    refine_batch(crf, tasks)
    return time.process_time() - start


def photograph(folder: str | None, size: tuple[int, int]) -> np.ndarray:
    """The first photograph of a folder, or without one a drawn image, resized to (H, W, 3) uint8."""
    if folder is None:
        image = draw_image(0, 1, 0, max(size))[0]
    else:
        files = (f for f in Path(folder).iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
        image = read_image(min(files))
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
    pixels = F.interpolate(pixels, size, mode='bilinear', align_corners=False)[0]
    return pixels.permute(1, 2, 0).round().byte().numpy()


def label_scores(labels: int, size: tuple[int, int], generator: torch.Generator) -> np.ndarray:
    """Softmax of made-up logits of a model that is sure of itself, (labels, H, W) float32.

    The first labels are in the image, those after them look alike, the others hardly score.
    """
    height, width = size
    coarse = torch.randn(1, labels, 4, 5, generator=generator)  # regions of a fourth of the image
    logits: Tensor = F.interpolate(
        coarse, (height // STRIDE, width // STRIDE), mode='bicubic', align_corners=False
    )
    bias = torch.full((labels,), BIAS['other'])
    bias[: PRESENT_LABELS + CONFUSED_LABELS] = BIAS['confused']
    bias[:PRESENT_LABELS] = BIAS['present']
    # Regions of the labels that are there must be won by a wide margin.
    logits[:, :PRESENT_LABELS] *= 4
    logits = logits + bias[:, None, None]
    logits = F.interpolate(logits, size, mode='bilinear', align_corners=False)
    return logits[0].softmax(0).numpy()


def refined(refiner: CRF, image: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> Tensor:
    """Scores of all labels after a CRF of some, (L, H, W); those left out score 0."""
    result = torch.zeros(scores.shape)
    result[labels] = torch.from_numpy(refiner.refine(image, scores[labels]))
    return result


def _given(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    return run


def _differences(truth: Tensor, labels: int, result: Tensor) -> Row:
    changed = (result.argmax(0) != truth.argmax(0)).float().mean()
    return {
        'labels': labels,
        'pixels with another label, %': 100 * changed.item(),
        'largest change of a score': (result - truth).abs().max().item(),
    }
