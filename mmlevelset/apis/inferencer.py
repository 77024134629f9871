"""One call from pictures to level sets, contours and pseudo-labels."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from PIL import Image

from mmlevelset.config import read_config
from mmlevelset.levelset.limits import check_number
from mmlevelset.models.seeds import level_set_of
from mmlevelset.models.trained import load_trained
from mmlevelset.parallel import progress

from .inputs import Labels, NamedPicture, Picture, check_names, label_vectors, list_pictures
from .label_folder import without_annotations
from .result import LevelSetResult, result_of
from .runner import set_tta
from .seeds import classes_of


class LevelSetInferencer:
    """Pictures from anywhere to scores, level sets, contours and label maps, in one call.

    ::

        inferencer = LevelSetInferencer('cam/efficientnet-lite0_levelset_voc8', 'checkpoint.pth')
        result = inferencer('dog.jpg', labels=['dog'])[0]
        result.contours['dog'], result.phi_T, result.label

    Every model of this project will do. The scores are those that ``tools/test.py`` gives, with
    ``tta`` those of ``tools/test.py --tta``. No mask and no label of a data set is read: without
    ``labels`` the classes are those that the host's own classifier finds.

    Args:
        model: Config: a file, a name (see :func:`mmlevelset.config.find_config`) or one that was read.
        weights: Checkpoint: a file or an address.
        device: Where to compute; default: the GPU if there is one.
        tta: Merge the views of the config's ``tta_pipeline``.
        presence: Probability from which on the classifier finds a class; default: the config's, 0.5.

    Raises:
        FileNotFoundError: There is no such config or checkpoint.
        ValueError: They do not fit together, or the config cannot say what is asked for.
    """

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path,
        device: str | None = None,
        tta: bool = False,
        presence: float | None = None,
    ) -> None:
        cfg = copy.deepcopy(model) if isinstance(model, Config) else read_config(str(model))
        if not cfg.get('model') or not cfg.get('test_dataloader'):
            raise ValueError(
                f'{cfg.filename}: LevelSetInferencer needs a config with `model` and `test_dataloader`; '
                'give one of configs/seed, configs/retrain or configs/plugin'
            )
        if tta:
            set_tta(cfg)
        self.model, state = load_trained(cfg, str(weights), device or get_device())
        meta = state.get('meta', {}).get('dataset_meta') or {}
        self.classes = tuple(meta.get('classes') or classes_of(cfg))
        self._set_recipe(presence, cfg)
        self.tta = tta
        self.pipeline = _pipeline(cfg)

    def _set_recipe(self, presence: float | None, cfg: Config) -> None:
        """Let a model that predicts seeds leave its level sets on the samples, too."""
        self.predicts_seeds = hasattr(self.model, 'recipe')
        if not self.predicts_seeds:
            if presence is not None:
                raise ValueError(
                    f'{cfg.filename}: got presence={presence}, but this model predicts label maps '
                    'without a classifier of images; leave it out'
                )
            return
        if presence is not None:
            check_number('presence', presence, 0, 1, '[]', 'it is a probability')
        recipe = replace(self.model.recipe, level_sets=level_set_of(self.model) is not None)
        if presence is not None:
            recipe = replace(recipe, presence=presence)
        self.model.set_recipe(recipe)

    def __call__(
        self,
        inputs: Picture | Sequence[Picture],
        labels: Labels | None = None,
        batch_size: int = 1,
        out_dir: str | Path | None = None,
        show: bool = False,
    ) -> list[LevelSetResult]:
        """Infer pictures, and keep all results; see :meth:`stream` for more than fit into memory.

        Args:
            inputs: A file, a folder, an array (H, W, 3) BGR or (H, W) grey with values 0..255, an
                image of Pillow, or a list of these.
            labels: Names, or indices 1..C as in label maps, of the classes that the pictures show;
                one list for all, or a list of such lists. None: what the classifier finds.
            batch_size: Pictures of one size that go through the model together.
            out_dir: Gets the files of :meth:`LevelSetResult.write`.
            show: Open every drawing in the viewer of this machine.

        Returns:
            list[LevelSetResult]: one for each picture, in their order; of one picture, too.

        Raises:
            FileNotFoundError: A picture does not exist.
            ValueError: A picture cannot be read, or the labels do not fit.
        """
        return list(self.stream(list_pictures(inputs), labels, batch_size, out_dir, show))

    def stream(
        self,
        pictures: Sequence[NamedPicture],
        labels: Labels | None = None,
        batch_size: int = 1,
        out_dir: str | Path | None = None,
        show: bool = False,
        failed: dict[str, str] | None = None,
    ) -> Iterator[LevelSetResult]:
        """Yield the result of every picture of :func:`list_pictures`.

        Args:
            pictures: Names and contents.
            labels, batch_size, out_dir, show: As of a call.
            failed: Gets the name of every picture that cannot be read, and why; the others go on.
                Without it, the first one raises its error.
        """
        if type(batch_size) is not int or batch_size < 1:
            raise ValueError(f'batch_size={batch_size!r}, expected a whole number of at least 1')
        if out_dir is not None:
            check_names(pictures)
        vectors: Sequence[np.ndarray | None] = [None] * len(pictures)
        if labels is not None:
            if not self.predicts_seeds:
                raise ValueError(
                    'this model predicts label maps without image-level labels; leave out labels=…'
                )
            vectors = label_vectors(labels, len(pictures), self.classes)
        items = self._prepared(zip(pictures, vectors, strict=True), failed)
        for result in progress(self._infer(items, batch_size), len(pictures), 'pictures'):
            if out_dir is not None:
                result.write(out_dir)
            if show:
                Image.fromarray(result.draw()).show(result.name)
            yield result

    def _prepared(
        self,
        pairs: Iterable[tuple[NamedPicture, np.ndarray | None]],
        failed: dict[str, str] | None,
    ) -> Iterator[tuple[str, np.ndarray, dict]]:
        """What :meth:`_prepare` makes of pictures and labels, less those that cannot be read."""
        for picture, label in pairs:
            try:
                yield self._prepare(picture, label)
            except (OSError, ValueError) as error:
                if failed is None:
                    raise
                failed[picture.name] = str(error)

    def _prepare(
        self, picture: NamedPicture, label: np.ndarray | None
    ) -> tuple[str, np.ndarray, dict]:
        """Name and colours of a picture, and what the pipeline makes of it."""
        image = picture.read()
        where = picture.content if isinstance(picture.content, str | Path) else picture.name
        loaded: dict[str, Any] = dict(img=image, img_path=str(where))
        loaded['img_shape'] = loaded['ori_shape'] = image.shape[:2]
        if label is not None:
            loaded['img_label'] = label
        return picture.name, image[..., ::-1], self.pipeline(loaded)

    def _infer(
        self, items: Iterable[tuple[str, np.ndarray, dict]], batch_size: int
    ) -> Iterator[LevelSetResult]:
        """Results of prepared pictures; those that follow one another with one size share a batch."""
        for batch in _batches(items, batch_size):
            with torch.no_grad():
                samples = self.model.test_step(pseudo_collate([data for _, _, data in batch]))
            for (name, image, _), sample in zip(batch, samples, strict=True):
                logits = not self.predicts_seeds and not self.tta
                yield result_of(name, image, sample, self.classes, logits)


def _pipeline(cfg: Config) -> Compose:
    """The test pipeline, from an image that has been read on, without masks."""
    first, *steps = without_annotations(cfg.test_dataloader.dataset.pipeline)
    if 'LoadImage' not in str(first.get('type')):
        raise ValueError(
            f'{cfg.filename}: its test pipeline begins with {first.get("type")}, expected the loading '
            'of the image (mmlevelset.CheckedLoadImage), which a given picture takes the place of'
        )
    return Compose(steps)


def _batches(
    items: Iterable[tuple[str, np.ndarray, dict]], batch_size: int
) -> Iterator[list[tuple[str, np.ndarray, dict]]]:
    """Items that follow one another and have inputs of one size, at most ``batch_size`` of them."""
    batch: list[tuple[str, np.ndarray, dict]] = []
    for item in items:
        if batch and (len(batch) == batch_size or _sizes(batch[0]) != _sizes(item)):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _sizes(item: tuple[str, np.ndarray, dict]) -> list[tuple[int, ...]]:
    """Shapes of the inputs of a picture, of all views."""
    inputs = item[2]['inputs']
    return [tuple(view.shape) for view in (inputs if isinstance(inputs, list) else [inputs])]
