"""Numbers that complete data sets have, and the ones a rehearsal data set declares instead."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmlevelset.fileio.meta import read_meta

# VOC 2012's own lists, the 8,498 + 2,857 images of SBD, and the usual union without VOC's val.
VOC: dict[str, Any] = dict(
    images=dict(train=1464, val=1449, trainaug=10582, sbd=11355),
    # Images per class, aeroplane to tvmonitor, in the cls_labels.npy of PSA, IRN, SEAM, MCTformer,
    # AFA, ToCo and RIB, which are identical.
    classes=dict(
        trainaug=[590, 504, 705, 468, 714, 393, 1150, 1005, 1228, 267]
        + [613, 1188, 445, 492, 4155, 522, 300, 649, 503, 567],
        train=[88, 65, 105, 78, 87, 78, 128, 131, 148, 64]
        + [82, 121, 68, 81, 442, 82, 63, 93, 83, 84],
    ),
)
# Images of the 2014 split, and those with at least one annotation (the lists of AFA and ToCo).
COCO: dict[str, Any] = dict(
    images=dict(train=82783, val=40504, train_labelled=82081, val_labelled=40137)
)


def expected(root: str | Path, real: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a folder must hold: ``real``, or what its ``meta.json`` says if it is a rehearsal.

    Args:
        root: Folder of the data set.
        real: :data:`VOC` or :data:`COCO`.
    """
    meta = read_meta(root)
    return meta['expected'] if meta.get('kind') == 'rehearsal' else real


def class_differences(
    counts: ArrayLike, wanted: Sequence[int], classes: Sequence[str]
) -> list[str]:
    """Say which classes have another number of images than they should.

    Args:
        counts: Images per foreground class, (C,).
        wanted: What they should be, (C,).
        classes: C + 1 names, background first.
    """
    return [
        f'{name} {got:.0f} (expected {want})'
        for name, got, want in zip(classes[1:], np.asarray(counts), wanted, strict=True)
        if got != want
    ]
