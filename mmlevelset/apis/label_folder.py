"""Let a config write label maps or seeds of images that need no ground truth."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmlevelset.config import settings_hash
from mmlevelset.fileio.hashes import file_hash


def set_label_folder(cfg: Config, folder: str) -> None:
    """Test without ground truth: the label maps are all that is written.

    Args:
        cfg: Changed in place: no masks are read, and the metrics give way to
            :class:`~mmlevelset.evaluation.LabelMetric`, which writes ``<id>.png``.
        folder: Where the label maps go.
    """
    drop_masks(cfg)
    cfg.test_evaluator = dict(type='mmlevelset.LabelMetric', out_dir=folder, source=source(cfg))


def source(cfg: Config) -> dict[str, Any]:
    """Config and weights of a test, by name and by content, for ``meta.json``."""
    weights = cfg.get('load_from')
    made = dict(config=cfg.filename, config_hash=settings_hash(cfg))
    return dict(made, weights=weights, weights_hash=file_hash(weights))


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
