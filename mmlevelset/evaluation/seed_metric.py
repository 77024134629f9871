"""Evaluation and export of seeds during ``tools/test.py`` and validation."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log

from mmlevelset.fileio.conventions import CONVENTIONS
from mmlevelset.fileio.named import named
from mmlevelset.fileio.output import fresh_folder
from mmlevelset.fileio.seeds import write_seed
from mmlevelset.registry import METRICS

from .confusion import label_names
from .seed_scores import flat_scores, seed_table
from .sweep import SeedSweep

MADE = ('seed_source', 'augmentation', 'cam_method')  # stated by the model with every prediction


@METRICS.register_module()
class SeedMetric(BaseMetric):
    """mIoU of seeds over a sweep of background thresholds, in one pass.

    A prediction is ``seg_logits``: scores in [0, 1] of the C foreground classes at the original
    image size, 0 for classes that are absent, (C, H, W); of our models, which state their
    ``seed_source``, the background comes first, (1 + C, H, W). Two thresholds are reported: the best of
    the sweep ("oracle", it needs ground truth, as most published seed numbers do) and one chosen
    without ground truth. Samples without ``gt_sem_seg`` are only exported. Each image adds one
    result of a few kilobytes, so that distributed runs may pad and truncate.

    Args:
        threshold: rule that needs no ground truth: ``'otsu'``, over the highest scores of the data
            set, or a fixed number in [0, 1).
        thresholds: sweep of the oracle; default 0.00, 0.01 ... 0.99. The literature stops at 0.59.
        absent: ``'nan'`` leaves classes that never occur out of the mean, ``'zero'`` counts them as
            0 (SEAM, MuSCLe, MCTformer).
        out_dir: folder for the seed files and their ``meta.json``.
        source: what the seeds are made from, for ``meta.json``: config, weights and their hashes.
        split, gt_dir, scales: printed with the numbers; default: those of the data set's metainfo,
            if it has them. Conventions of the masks (COCO) come from there as well.
        ignore_index: void label of the ground truth.
        **kwargs: of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: on a threshold, convention or prediction that does not fit the above.
    """

    default_prefix = 'seed'

    def __init__(
        self,
        threshold: float | str = 'otsu',
        thresholds: Sequence[float] | None = None,
        absent: str = 'nan',
        out_dir: str | None = None,
        source: dict[str, Any] | None = None,
        split: str | None = None,
        gt_dir: str | None = None,
        scales: Sequence[float] | None = None,
        ignore_index: int = 255,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._sweep = partial(
            SeedSweep,
            threshold=threshold,
            thresholds=thresholds,
            absent=absent,
            ignore_index=ignore_index,
        )
        self._sweep(1)  # wrong options should fail before the first image
        self.out_dir = Path(out_dir) if out_dir else None
        self.source = source or {}
        self.facts = dict(split=split, gt_dir=gt_dir, scales=scales)
        self.made: dict[str, str] = {}  # what the model states of its predictions

    @property
    def classes(self) -> list[str]:
        """Names of the labels, background first, (C + 1,)."""
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise ValueError(
                'SeedMetric needs the class names: the data set has no metainfo `classes`'
            )
        return label_names(classes)

    @property
    def _facts(self) -> dict[str, Any]:
        """What was given, and of the data set what was not."""
        meta = self.dataset_meta or {}
        return {key: meta.get(key) if value is None else value for key, value in self.facts.items()}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count, and export if asked to, one batch of predictions (see the class docstring)."""
        num_classes = len(self.classes) - 1
        sweep = self._sweep(num_classes)
        if self.out_dir is not None and not self.results:
            self._open_folder(self.out_dir)
        for sample in data_samples:
            name = sample.get('img_path', 'a sample without img_path')
            keys, scores = self._seed(sample, num_classes, name)
            self.made = {key: sample[key] for key in MADE if key in sample}
            truth = sample.get('gt_sem_seg')
            target = None if truth is None else truth['data'].squeeze(0).cpu().numpy()
            with named(sample.get('seg_map_path') or name):
                self.results.append(sweep.count(keys, scores, target))
            if self.out_dir is not None:
                if 'img_path' not in sample:
                    raise ValueError(
                        'SeedMetric(out_dir=...) names files by img_path; add it to the meta_keys'
                    )
                write_seed(self.out_dir / f'{Path(name).stem}.npz', keys, scores, scores.shape[1:])

    def _open_folder(self, folder: Path) -> None:
        """Begin an export: seeds of an earlier one go, whatever weights it had.

        The first process does so; the others, which have as many batches, wait for it.
        """
        self._folder = ExitStack()
        if is_main_process():
            meta = dict(
                kind='seeds', classes=self.classes, split=self._facts['split'], **self.source
            )
            self._meta = self._folder.enter_context(fresh_folder(folder, '.npz', meta))
        barrier()

    @staticmethod
    def _seed(sample: dict, num_classes: int, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Present classes (K,) and their scores (K, H, W) float32."""
        if 'seg_logits' not in sample:
            raise ValueError(
                f'{name}: no seg_logits; SeedMetric needs the seed scores '
                'of a model, not its label map'
            )
        if 'pred_img_label' in sample:
            raise ValueError(
                f'{name}: got no image-level label, so the classes are those that the classifier '
                "found, expected those of the data set: give it `image_labels=…` and add 'img_label' "
                'to `meta_keys` of PackSegInputs; for label maps of other pictures use --labels-only'
            )
        scores: torch.Tensor = sample['seg_logits']['data']
        if 'seed_source' in sample:
            scores = scores[1:]
        shape = tuple(sample.get('ori_shape', scores.shape[-2:]))[:2]
        if scores.shape != (num_classes, *shape):
            raise ValueError(
                f'{name}: expected seed scores of {num_classes} foreground classes at the '
                f'original size {shape}, got {tuple(scores.shape)}'
            )
        label = sample.get('img_label')
        present = (
            scores.flatten(1).amax(1) > 0
            if label is None
            else torch.as_tensor(np.asarray(label)) > 0
        )
        if len(present) != num_classes:
            raise ValueError(
                f'{name}: img_label has {len(present)} entries, expected {num_classes}'
            )
        keys = present.nonzero().flatten()
        return keys.cpu().numpy(), scores[keys.to(scores.device)].float().cpu().numpy()

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score the data set.

        Args:
            results: one :class:`~mmlevelset.evaluation.sweep.SeedCounts` per image.

        Returns:
            dict[str, float]: see :func:`~mmlevelset.evaluation.seed_scores.flat_scores`; per cent but
            the thresholds.
        """
        classes = self.classes
        sweep = self._sweep(len(classes) - 1)
        report = sweep.report(results)
        meta, facts = self.dataset_meta, self._facts
        facts.update({key: meta[key] for key in CONVENTIONS if key in meta})
        facts.update(self.made)
        if self.made.get('augmentation') == 'none':
            facts.pop('scales')  # those of the config's test-time augmentation
        table = seed_table(report, classes, sweep.rule, dict(facts, absent_classes=sweep.absent))
        print_log('\n' + table, logger=MMLogger.get_current_instance())
        if self.out_dir is not None:
            files = len(list(self.out_dir.glob('*.npz')))
            if files != report.images:
                raise ValueError(
                    f'{self.out_dir} holds {files} seeds of {report.images} images: some images '
                    'have the same name, or files were changed meanwhile; give each image a name'
                )
            self._meta.update(image_dir=meta.get('image_dir'))
            self._meta.update(threshold=report.threshold, threshold_rule=sweep.rule, **facts)
            self._folder.close()  # marks it complete
        return flat_scores(report, classes)
