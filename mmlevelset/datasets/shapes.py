"""A small data set that the project draws itself, so that every stage runs without a download."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.labels import voc_palette, write_label
from mmlevelset.fileio.text import read_json
from mmlevelset.registry import DATASETS

from .shapes_generator import CLASSES, VERSION, draw_image
from .voc import VOCImageLabelDataset

PARAMS_FILE = 'shapes.json'


@DATASETS.register_module()
class ShapesDataset(VOCImageLabelDataset):
    """Textured shapes with holes and thin parts on a cluttered ground, with exact masks.

    The folder ``data_root`` is drawn at first use (some seconds) and kept; another process that
    comes at the same time gets the same folder.

    Args:
        data_root (str): Folder of the data set; '' where the other paths are complete, and lead to
            one that is there.
        ann_file (str): ``ImageSets/Segmentation/train.txt`` or ``.../val.txt``.
        shapes (dict, optional): Arguments of
            :func:`mmlevelset.datasets.shapes.write_shapes`: ``train``, ``val``, ``size``,
            ``seed``. Default: its defaults, 240 + 60 images of 160 x 160.
        **kwargs: Of :class:`VOCImageLabelDataset`.

    Raises:
        ValueError: ``data_root`` holds something else, or shapes drawn with other arguments.
    """

    METAINFO = dict(classes=CLASSES, palette=voc_palette(len(CLASSES)).tolist())

    def __init__(
        self, data_root: str, ann_file: str, shapes: dict | None = None, **kwargs: Any
    ) -> None:
        self.shapes = dict(shapes or {})
        super().__init__(data_root=data_root, ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Draw the folder if it is not there yet, then list it."""
        if self.data_root:
            write_shapes(self.data_root, **self.shapes)
        return super().load_data_list()


def write_shapes(
    root: str | Path, train: int = 240, val: int = 60, size: int = 160, seed: int = 0
) -> Path:
    """Write the data set in VOC's layout, or keep the folder if it holds exactly this one.

    The folder appears at once, complete, so several processes may call this together.

    Args:
        root (str | Path): Folder to write: ``JPEGImages``, ``SegmentationClass``,
            ``ImageSets/Segmentation/{train,val}.txt``, ``image_labels.json``, ``shapes.json``.
        train (int): Number of training images.
        val (int): Number of validation images.
        size (int): Height and width in pixels.
        seed (int): Seed.

    Returns:
        Path: ``root``.

    Raises:
        ValueError: ``root`` holds something else, or a size or number is too small.
    """
    root = Path(root)
    params = dict(version=VERSION, train=train, val=val, size=size, seed=seed)
    if train < 1 or val < 1 or size < 64:
        raise ValueError(
            f'got train={train}, val={val}, size={size}; expected at least 1 image '
            'in each split and 64 pixels.'
        )
    if not _holds(root, params):
        root.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f'.{root.name}-', dir=root.parent))
        try:
            _write(draft, params)
            draft.chmod(0o755)  # mkdtemp lets only the owner in
            try:
                os.rename(draft, root)
            except OSError:
                if not _holds(root, params):  # otherwise another process was first
                    raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return root


def _holds(root: Path, params: dict) -> bool:
    """Whether ``root`` holds this data set; False if there is nothing yet."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    file = root / PARAMS_FILE
    found = read_json(file) if file.is_file() else None
    if found != params:
        raise ValueError(
            f'{root}: holds {found or "something else"}, wanted the Shapes data set '
            f'{params}. Delete the folder or choose another data_root.'
        )
    return True


def _write(root: Path, params: dict) -> None:
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (root / folder).mkdir(parents=True)
    labels = {}
    for split, name in enumerate(('train', 'val')):
        ids = [f'{name}_{index:05d}' for index in range(params[name])]
        for index, id_ in enumerate(ids):
            image, mask = draw_image(params['seed'], split, index, params['size'])
            Image.fromarray(image).save(
                root / 'JPEGImages' / f'{id_}.jpg', quality=95, subsampling=0
            )
            write_label(root / 'SegmentationClass' / f'{id_}.png', mask)
            labels[id_] = np.unique(mask[mask > 0]).tolist()
        (root / 'ImageSets/Segmentation' / f'{name}.txt').write_text('\n'.join(ids) + '\n')
    write_json(root / 'image_labels.json', dict(classes=CLASSES, labels=labels))
    write_json(root / PARAMS_FILE, params)
