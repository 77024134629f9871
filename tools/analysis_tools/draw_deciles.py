"""Draw photographs from the greatest loss to the greatest gain of one folder of seeds over another.

The images of a list are ordered by IoU(after) - IoU(before) of their label maps, and the middle one of each tenth
is drawn: the rule shows losses as well as gains. It reads the masks, so the picture is no means to choose anything.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmlevelset.apis.command import make_parser, run
from mmlevelset.evaluation.confusion import confusion_matrix, confusion_scores, label_names
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.images import find_images, read_image
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.named import named
from mmlevelset.fileio.output import finished_ids
from mmlevelset.fileio.seeds import Seed, read_seed, seed_to_label
from mmlevelset.parallel import progress
from mmlevelset.refine.threshold import seed_threshold
from mmlevelset.visualization import (
    Panel,
    draw_contours,
    draw_rows,
    label_panel,
    score_panel,
    zero_contours,
)

HEIGHT = 220  # pixels of a row
EXAMPLE = (
    'work_dirs/voc20/cam_s0/seeds work_dirs/voc20/levelset_s0/seeds --gt data/voc20/SegmentationClass '
    '--split data/voc20/ImageSets/Segmentation/train.txt --out deciles.png'
)


class Change(NamedTuple):
    """An image, with the IoU of its two label maps in per cent."""

    id: str
    before: float
    after: float


class Seeds(NamedTuple):
    """A folder of seeds and the background score that cuts them."""

    folder: Path
    threshold: float

    def read(self, name: str) -> Seed:
        """The seed of an image."""
        return read_seed(self.folder / f'{name}.npz')

    def label(self, name: str) -> np.ndarray:
        """Its label map, (H, W) uint8: 0 background, 1..C."""
        return seed_to_label(self.read(name), self.threshold)


def open_seeds(folder: Path, rule: str | None, ids: Sequence[str]) -> Seeds:
    """A folder of seeds, cut by ``rule``, or as its ``meta.json`` says, or by Otsu's rule."""
    finished_ids(folder, '.npz', ids)
    stated = read_meta(folder).get('threshold')
    return Seeds(
        folder, seed_threshold(folder, rule or ('otsu' if stated is None else stated), ids)
    )


def image_iou(label: np.ndarray, truth: np.ndarray, num_classes: int) -> float:
    """Mean IoU in per cent over the labels that one of two maps shows; void pixels do not count.

    Args:
        label (np.ndarray): labels, (H, W) integers.
        truth (np.ndarray): labels, (H, W) integers, 255 void.
        num_classes: Labels of the data set, background included.
    """
    return 100 * float(confusion_scores(confusion_matrix(label, truth, num_classes), 'nan').miou)


def choose(changes: Sequence[Change], count: int) -> list[tuple[float, Change]]:
    """The middle image of each of ``count`` equal parts, from the greatest loss to the greatest gain.

    Args:
        changes: Of all images; ties are ordered by their ids.
        count: Images to choose.

    Returns:
        list[tuple[float, Change]]: percentile and image.

    Raises:
        ValueError: There are fewer images than ``count``, or none is wanted.
    """
    if not 0 < count <= len(changes):
        raise ValueError(
            f'--count must lie in 1 to {len(changes)}, the images of the list; got {count}'
        )
    ordered = sorted(changes, key=lambda one: (one.after - one.before, one.id))
    middles = [(i + 0.5) / count for i in range(count)]
    return [(100 * middle, ordered[int(middle * len(ordered))]) for middle in middles]


def panels(
    name: str, image: np.ndarray, before: Seeds, after: Seeds, truth: np.ndarray, classes: list[str]
) -> list[Panel]:
    """Image, seed and labels of ``before``, contours and labels of ``after``, and the truth, HEIGHT px high.

    Args:
        name: Id of the image.
        image (np.ndarray): (H, W, 3) uint8, RGB.
        before: Seeds whose scores are shown.
        after: Seeds whose contours are shown, where the score crosses the threshold: phi = 0.
        truth (np.ndarray): labels, (H, W) integers, 255 void.
        classes: Names of the labels, background first.
    """
    scale = HEIGHT / image.shape[0]
    size = max(1, round(image.shape[1] * scale)), HEIGHT
    photograph = cv2.resize(image, size, interpolation=cv2.INTER_AREA)

    def labels(title: str, label: np.ndarray) -> Panel:
        return label_panel(
            title, photograph, cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)
        )

    first, last = before.read(name), after.read(name)
    best = first.scores.max(0) if len(first.keys) else np.zeros(image.shape[:2], np.float32)
    lines = {
        int(key) + 1: [
            (line + 0.5) * scale - 0.5 for line in zero_contours(score - after.threshold)
        ]
        for key, score in zip(last.keys, last.scores, strict=True)
    }
    return [
        Panel('image', photograph),
        score_panel('CAM', photograph, cv2.resize(best, size)),
        labels('labels of the CAM', before.label(name)),
        Panel('contour of phi', draw_contours(photograph, lines, classes)),
        labels('labels of phi', after.label(name)),
        labels('truth', truth),
    ]


def main() -> None:
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('before', type=Path, help='seeds of the baseline (.npz)')
    parser.add_argument('after', type=Path, help='seeds of the level set, exported from phi (.npz)')
    parser.add_argument('--gt', type=Path, required=True, help='folder of masks (.png)')
    parser.add_argument('--split', required=True, help='list of the images to order')
    parser.add_argument('--images', help='folder of the images (default: as the seeds say)')
    parser.add_argument(
        '--thresholds',
        nargs=2,
        default=(None, None),
        metavar=('BEFORE', 'AFTER'),
        help="background scores: numbers, 'otsu' or the JSON of an evaluation (default: as the seeds say)",
    )
    parser.add_argument('--count', type=int, default=10, help='images to draw (default: 10)')
    parser.add_argument('--out', default='deciles.png', help='picture to write (.png)')
    args = parser.parse_args()
    if not args.out.endswith('.png'):
        parser.error(f'--out must end with .png, got {args.out}')

    metas = [read_meta(folder) for folder in (args.before, args.after)]
    classes, others = (meta.get('classes') for meta in metas)
    if not classes or classes != others:
        raise ValueError(
            f'{args.before} and {args.after}: expected the same classes in both meta.json, got {classes} and '
            f'{others}; give two folders that tools/test.py or tools/misc/convert_seeds.py made of one data set'
        )
    image_dir = args.images or metas[1].get('image_dir')
    if not image_dir:
        raise ValueError(f'{args.after}/meta.json does not say where the images are; give --images')
    ids = read_split(args.split)
    before, after = (
        open_seeds(folder, rule, ids)
        for folder, rule in zip((args.before, args.after), args.thresholds, strict=True)
    )
    classes = label_names(classes)
    changes = []
    for name in progress(ids, len(ids), 'images'):
        truth = args.gt / f'{name}.png'
        mask = read_label(truth)
        with named(truth):
            ious = [image_iou(one.label(name), mask, len(classes)) for one in (before, after)]
        changes.append(Change(name, *ious))
    chosen = choose(changes, args.count)
    images = find_images(image_dir, [change.id for _, change in chosen])
    rows, captions = [], []
    for percentile, (name, old, new) in chosen:
        truth = read_label(args.gt / f'{name}.png')
        rows.append(panels(name, read_image(images[name]), before, after, truth, classes))
        captions.append(
            f'{name}: IoU {old:.1f} of the CAM, {new:.1f} of phi ({new - old:+.1f}), percentile {percentile:g}'
        )
        print(captions[-1])
    print(draw_rows(rows, args.out, HEIGHT, captions))


if __name__ == '__main__':
    run(main)
