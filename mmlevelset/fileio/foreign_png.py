"""Label maps and grey maps of other projects, read as seeds.

==========  ==============================  =======================================================
layout      written by                      files
==========  ==============================  =======================================================
``labels``  nearly every project            ``<id>.png``: 0 background, 1..C, 255 unsure
``maps``    OAA, RCA                        ``<id>_<key>.png``: grey, 255 times the score; foreground
                                            classes from 0
==========  ==============================  =======================================================
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .ids import image_id, list_ids
from .labels import VOID, read_label
from .seeds import Seed


def label_seed(path: str | Path) -> Seed:
    """Read a label map as a seed: 1 for the pixels of a class, 0 elsewhere, also where it is unsure.

    Args:
        path: ``<id>.png``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no label map.
    """
    label = read_label(path)
    keys = np.setdiff1d(np.unique(label), (0, VOID)).astype(np.int64)
    scores = (label == keys[:, None, None]).astype(np.float32)
    return Seed(keys - 1, scores, label.shape)


def map_files(folder: str | Path, ids: Sequence[str] | None = None) -> dict[str, dict[int, Path]]:
    """Find the grey maps of a folder.

    Args:
        folder: Holds ``<id>_<key>.png``.
        ids: Images that must be there; default: all of the folder.

    Returns:
        dict: per image, the file of each of its classes.

    Raises:
        FileNotFoundError: The folder is empty, or has no map of one of ``ids``.
        ValueError: The name of a file ends with no class.
    """
    found: dict[str, dict[int, Path]] = {}
    for stem in list_ids(folder, '.png'):
        parts = re.fullmatch(r'(.+)_(\d{1,3})', stem)
        if parts is None:
            raise ValueError(
                f'{folder}/{stem}.png: expected <id>_<class>.png, a grey map for each class of an '
                'image; label maps are imported with --format labels'
            )
        found.setdefault(image_id(parts[1]), {})[int(parts[2])] = Path(folder, f'{stem}.png')
    if ids is None:
        return found
    wanted = [image_id(name) for name in ids]
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise FileNotFoundError(
            f'{folder} has no map of {len(missing)} of {len(wanted)} images, the first is '
            f'{missing[0]}; finish the export, or give the list it was made for'
        )
    return {id_: found[id_] for id_ in wanted}


def map_seed(files: dict[int, Path]) -> Seed:
    """Read the grey maps of an image as a seed.

    Args:
        files: Of each class, counted from 0 without the background; at least one.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is no grey map, or the sizes differ.
    """
    keys = sorted(files)
    maps = [read_label(files[key]) for key in keys]
    sizes = {map_.shape for map_ in maps}
    if len(sizes) > 1:
        raise ValueError(f'{files[keys[0]]}: maps of different sizes {sorted(sizes)} of one image')
    scores = np.stack(maps).astype(np.float32) / 255
    return Seed(np.array(keys, np.int64), scores, maps[0].shape)
