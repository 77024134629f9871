"""Learnt edges beside the images of a training, for the energy of the level sets."""

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmlevelset.fileio.images import opened
from mmlevelset.fileio.meta import read_meta
from mmlevelset.registry import TRANSFORMS

EXPECTED = (
    'expected grey of 8 bits, 255 where an edge is certain, as tools/misc/irn_edges.py writes it'
)


@TRANSFORMS.register_module()
class LoadEdges(BaseTransform):
    """Load the edges of an image, which the energy of level sets looks at beside those of its colours.

    It comes after the image and before all that changes its shape, and goes through resizing,
    cropping and flipping like a mask. :class:`PackImageLabels` leaves them on the sample as ``edge``.
    Option ``edge_dir`` of a data set puts this transform in its place.

    Args:
        edge_dir: Folder of ``<id>.png``, 255 times the probability of an edge.

    Raises:
        ValueError: The folder says that it holds something else: masks, say.
    """

    def __init__(self, edge_dir: str) -> None:
        self.edge_dir = Path(edge_dir)
        kind = read_meta(edge_dir).get('kind', 'edges')
        if kind != 'edges':
            raise ValueError(f'edge_dir={edge_dir} holds {kind} by its meta.json, expected edges')

    def transform(self, results: dict) -> dict:
        """Add ``edge`` (ndarray (H, W) uint8).

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no grey picture, or of another size than the image.
        """
        path = self.edge_dir / f'{Path(results["img_path"]).stem}.png'
        edge = read_edges(path)
        if edge.shape != tuple(results['img_shape'][:2]):
            raise ValueError(
                f'{path}: edges of {edge.shape} (H, W), the image has {tuple(results["img_shape"][:2])}; make the '
                'edges of these images, and load them right after the image'
            )
        results['edge'] = edge
        results.setdefault('seg_fields', []).append('edge')
        return results


def read_edges(path: Path) -> np.ndarray:
    """Read the edges of an image, (H, W) uint8.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another picture: a mask with its palette, labels 0 and 1, other depths.
    """
    if not path.is_file():
        raise FileNotFoundError(f'no edges {path}; check edge_dir and the list of images')
    with path.open('rb') as file, opened(file, path, 'a picture of edges') as image:
        mode, edge = image.mode, np.asarray(image.convert('L') if image.mode == '1' else image)
    if mode not in ('1', 'L') or (edge.size and edge.max() == 1):
        got = 'nothing above 1' if mode == 'L' else f'a picture of mode {mode}'
        raise ValueError(f'{path}: got {got}, {EXPECTED}')
    return edge
