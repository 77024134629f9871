"""Label maps of ``tools/test.py --labels-only``."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, is_main_process
from mmengine.evaluator import BaseMetric

from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.output import fresh_folder
from mmlevelset.registry import METRICS


@METRICS.register_module()
class LabelMetric(BaseMetric):
    """Write every prediction as ``<id>.png``; nothing is scored and no ground truth is needed.

    The numbers are those of the data set's masks, also where it leaves out a label 0
    (``reduce_zero_label``). The folder begins empty, and says when it is complete.

    Args:
        out_dir: Folder for the label maps and their ``meta.json``.
        source: What they are made from, for ``meta.json``: config, weights and their hashes.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: The folder holds other files, or two images have the same name.
    """

    default_prefix = ''  # no number to name; mmengine warns of None

    def __init__(self, out_dir: str, source: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.out_dir = Path(out_dir)
        self.source = source or {}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Write the label maps ``pred_sem_seg`` (1, H, W) of a batch."""
        if not self.results:
            self._open_folder()
        shift = bool((self.dataset_meta or {}).get('reduce_zero_label'))
        for sample in data_samples:
            path = self.out_dir / f'{Path(sample["img_path"]).stem}.png'
            label = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy()
            write_label(path, label + shift)
            self.results.append(path.name)

    def _open_folder(self) -> None:
        """Begin anew; the first process does so, the others wait for it."""
        self._folder = ExitStack()
        if is_main_process():
            data = self.dataset_meta or {}
            made = dict(classes=list(data.get('classes') or ()) or None, split=data.get('split'))
            # Not the pseudo-labels of seeds, which this run must not replace.
            meta = dict(kind='labels', method='predictions', **made, **self.source)
            self._folder.enter_context(fresh_folder(self.out_dir, '.png', meta))
        barrier()

    def compute_metrics(self, results: list[str]) -> dict[str, float]:
        """Mark the folder as complete; there are no numbers to return.

        Args:
            results: File names, one per image.
        """
        files = len(list(self.out_dir.glob('*.png')))
        if files != len(results):
            raise ValueError(
                f'{self.out_dir} holds {files} label maps of {len(results)} images: some images have '
                'the same name, or files were changed meanwhile; give each image a name'
            )
        self._folder.close()
        return {}
