"""A test whose dense CRFs run in other processes, beside the network."""

import os
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.model import is_model_wrapper
from mmengine.runner import TestLoop
from mmengine.runner.amp import autocast
from mmseg.structures import SegDataSample

from mmlevelset.models.seg_tta import CRF, CRFTask, SegTTAModel, refine_task, set_refined
from mmlevelset.parallel import parallel
from mmlevelset.registry import LOOPS, REFINERS


@LOOPS.register_module()
class CRFTestLoop(TestLoop):
    """mmengine's test loop; the CRF of :class:`SegTTAModel` runs in a pool of processes.

    The network goes on while the CRFs of earlier images run; evaluators and hooks see the refined
    predictions, in the order of the data set. Results are those of mmengine's loop, which tests a
    model without a CRF.

    Args:
        *args: Of mmengine's ``TestLoop``.
        jobs: Processes of this machine, shared by all that test; 0 takes one per core.
        **kwargs: Of mmengine's ``TestLoop``.
    """

    def __init__(self, *args: Any, jobs: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.jobs = jobs

    def run(self) -> dict[str, float]:
        """Test the model; the numbers of the evaluators."""
        model = self.runner.model
        model = model.get_submodule('module') if is_model_wrapper(model) else model
        if getattr(model, 'crf', None) is None or self.jobs == 1:
            return super().run()
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        crf, model.crf = model.crf, None
        waiting: deque[Waiting] = deque()
        cores = (self.jobs or os.cpu_count() or 1) // get_world_size()
        results = parallel(
            refine_batch,
            self._tasks(model, waiting),
            len(self.dataloader),
            'CRF',
            max(1, cores),
            partial(build_crf, model.crf_config),
            batch=1,
        )
        try:
            for index, refined in enumerate(results):
                batch, outputs, labels = waiting.popleft()
                for sample, kept, scores in zip(outputs, labels, refined, strict=True):
                    set_refined(sample, kept, scores)
                self.evaluator.process(data_samples=outputs, data_batch=batch)
                self.runner.call_hook(
                    'after_test_iter', batch_idx=index, data_batch=batch, outputs=outputs
                )
        finally:
            model.crf = crf
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics

    def _tasks(self, model: SegTTAModel, waiting: 'deque[Waiting]') -> Iterator[list[CRFTask]]:
        """Run the network; yield the CRFs of every batch, and keep what waits for them."""
        for index, batch in enumerate(self.dataloader):
            self.runner.call_hook('before_test_iter', batch_idx=index, data_batch=batch)
            with torch.no_grad(), autocast(enabled=self.fp16):
                outputs = self.runner.model.test_step(batch)
            tasks = [model.crf_task(sample) for sample in outputs]
            waiting.append((batch, outputs, [task.labels for task in tasks]))
            yield tasks


# A batch, its predictions, and the labels of each that take part in the CRF.
Waiting = tuple[Any, list[SegDataSample], list[np.ndarray]]


def build_crf(config: dict) -> CRF:
    """Build the refiner in a process that has one core to itself."""
    torch.set_num_threads(1)
    return REFINERS.build(config)


def refine_batch(crf: CRF, tasks: list[CRFTask]) -> list[np.ndarray]:
    """Refined scores (K, H, W) of every task."""
    return [refine_task(crf, task) for task in tasks]
