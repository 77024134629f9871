"""Let a config write label maps or seeds of images that need no ground truth."""

from pathlib import Path
from typing import Any

from mmengine.config import Config


def set_label_folder(cfg: Config, folder: str) -> None:
    """Test without ground truth: the label maps are all that is written.

    Args:
        cfg: Changed in place: no masks are read, and the metrics give way to mmsegmentation's
            IoUMetric, which writes ``<id>.png``.
        folder: Where the label maps go.
    """
    drop_masks(cfg)
    cfg.test_evaluator = dict(type='IoUMetric', format_only=True, output_dir=folder)


def drop_masks(cfg: Config) -> None:
    """Let the test data set read no masks; ``cfg`` is changed in place."""
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = without_annotations(dataset.pipeline)
    dataset.data_prefix = dict(dataset.get('data_prefix', {}), seg_map_path=None)


def require_masks(cfg: Config) -> None:
    """Refuse to score a test whose folder of masks does not exist, before anything is built.

    Raises:
        FileNotFoundError: Names the folder, and the option that needs none.
    """
    dataset = cfg.test_dataloader.dataset
    masks = (dataset.get('data_prefix') or {}).get('seg_map_path')
    folder = Path(dataset.get('data_root') or '', masks or '')
    if masks and not folder.is_dir():
        raise FileNotFoundError(
            f'no folder of masks {folder}: --out writes seeds and scores them; without masks give '
            '--seeds-only in its place, or set data_root and data_prefix.seg_map_path of '
            'test_dataloader.dataset'
        )


def without_annotations(pipeline: Any) -> Any:
    """Leave the loading of masks out of a pipeline, of the branches of TestTimeAug as well."""
    if isinstance(pipeline, dict):
        if str(pipeline.get('type')).endswith('MultiScaleFlip'):
            return dict(pipeline, masks=False)
        return {key: without_annotations(value) for key, value in pipeline.items()}
    if not isinstance(pipeline, list | tuple):
        return pipeline
    kept = [
        without_annotations(step)
        for step in pipeline
        if not (isinstance(step, dict) and str(step.get('type')).endswith('LoadAnnotations'))
    ]
    return [step for step in kept if step != []]
