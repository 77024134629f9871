"""Learnt edges beside the images of a training, for the energy of the level sets."""

from pathlib import Path

from mmcv.transforms import BaseTransform

from mmlevelset.fileio.labels import read_label
from mmlevelset.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadEdges(BaseTransform):
    """Load the edges of an image, which the energy of level sets looks at beside those of its colours.

    It comes after the image and before all that changes its shape, and goes through resizing,
    cropping and flipping like a mask. :class:`PackImageLabels` leaves them on the sample as ``edge``.
    Option ``edge_dir`` of a data set puts this transform in its place.

    Args:
        edge_dir: Folder of ``<id>.png``, 255 times the probability of an edge, as
            ``tools/misc/irn_edges.py`` writes them.
    """

    def __init__(self, edge_dir: str) -> None:
        self.edge_dir = Path(edge_dir)

    def transform(self, results: dict) -> dict:
        """Add ``edge`` (ndarray (H, W) uint8).

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It has another size than the image.
        """
        path = self.edge_dir / f'{Path(results["img_path"]).stem}.png'
        edge = read_label(path)
        if edge.shape != tuple(results['img_shape'][:2]):
            raise ValueError(
                f'{path}: edges of {edge.shape} (H, W), the image has {tuple(results["img_shape"][:2])}; make the '
                'edges of these images, and load them right after the image'
            )
        results['edge'] = edge
        results.setdefault('seg_fields', []).append('edge')
        return results
