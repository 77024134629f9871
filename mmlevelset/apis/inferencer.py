"""Pictures from anywhere to label maps, with mmsegmentation's inferencer."""

from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.model import BaseModel
from mmseg.apis import MMSegInferencer
from mmseg.datasets.transforms import LoadImageFromNDArray

from mmlevelset.datasets import CheckedLoadImage
from mmlevelset.fileio.labels import voc_palette

from .label_folder import without_annotations
from .seeds import classes_of


class LevelSetInferencer(MMSegInferencer):
    """``MMSegInferencer`` for all models of this project; same arguments and results.

    mmsegmentation's own looks for its ``LoadImageFromFile`` in the test pipeline and finds ours,
    which checks the file. The class names are those of the checkpoint, or else of the config's test
    data set, background first; mmsegmentation would take those of Cityscapes.

    A host classifies a picture by itself, because it has no image label; the classes that it finds
    with a probability of 0.5 (``presence`` in ``model.test_cfg.seeds``) get seeds.
    """

    def _load_weights_to_model(
        self, model: BaseModel, checkpoint: dict | None, cfg: Config
    ) -> None:
        """Load the weights and the class names.

        Raises:
            ValueError: Neither checkpoint nor config knows the class names, or there are no weights.
        """
        if checkpoint is None:
            raise ValueError('LevelSetInferencer got no weights=…, expected a checkpoint')
        super()._load_weights_to_model(model, checkpoint, cfg)
        if 'dataset_meta' not in checkpoint.get('meta', {}):
            classes = classes_of(cfg)
            model.dataset_meta = dict(classes=classes, palette=voc_palette(len(classes)).tolist())

    def _init_pipeline(self, cfg: Config) -> Compose:
        """The test pipeline, without masks, for a path or an array (H, W, 3), BGR."""
        _, *steps = without_annotations(cfg.test_dataloader.dataset.pipeline)
        return Compose([_load, *steps])


def _load(picture: str | np.ndarray) -> dict[str, Any]:
    """Read a file as training does, or take an array (H, W, 3) uint8, BGR."""
    if isinstance(picture, np.ndarray):
        return LoadImageFromNDArray().transform(dict(img=picture))
    return CheckedLoadImage().transform(dict(img_path=picture))
