"""Edges of images by a trained IRNet, as what level sets may be trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.hashes import file_hash
from mmlevelset.fileio.images import find_images, read_image
from mmlevelset.fileio.meta import place
from mmlevelset.fileio.output import resumed_folder
from mmlevelset.parallel import progress
from mmlevelset.refine.irn import IRNWalk
from mmlevelset.registry import REFINERS


def make_edges(
    refiner: dict[str, Any], image_dir: str | Path, ids: Sequence[str], out: str | Path
) -> int:
    """Write the edges that a walk does not cross; a run that was stopped goes on.

    Args:
        refiner: Config of an :class:`~mmlevelset.refine.IRNWalk`.
        image_dir: Folder of the images.
        ids: Which of them.
        out: Folder that gets ``<id>.png``, grey, 255 times the probability of an edge.

    Returns:
        int: images that were done now.

    Raises:
        FileNotFoundError: An image or the weights are missing.
        ValueError: The refiner is another one, or ``out`` holds edges of other weights or images.
    """
    kind = REFINERS.get(refiner['type']) if refiner.get('type') else None
    if not (isinstance(kind, type) and issubclass(kind, IRNWalk)):
        raise ValueError(
            f'refiner.type={refiner.get("type")!r} finds no edges, expected the config of a walk of IRN, such as '
            'configs/refine/irn-walk_voc20.py'
        )
    walk = REFINERS.build(dict(refiner, background=dict(score=0.5)))  # a background of no use here
    images = find_images(image_dir, ids)
    meta = dict(
        kind='edges',
        config=refiner['config'],
        weights=refiner['checkpoint'],
        weights_hash=file_hash(refiner['checkpoint']),
        crop_size=walk.crop_size,
        image_dir=Path(image_dir).as_posix(),
        image_place=place(image_dir, out),
    )
    settings = ('config', 'weights_hash', 'crop_size', ('image_dir', 'image_place'))
    names = {images[id_].stem: images[id_] for id_ in ids}
    with resumed_folder(out, '.png', list(names), meta, settings) as left:
        for name in progress(left, len(left), 'images'):
            edge = walk.image_edges(read_image(names[name]))
            with atomic_path(Path(out) / f'{name}.png') as path:
                Image.fromarray((255 * edge).round().astype(np.uint8)).save(path, 'PNG')
    return len(left)
