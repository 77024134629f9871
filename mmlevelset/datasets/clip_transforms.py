"""How CLIP-ES brings an image to whole patches."""

from mmcv.transforms import Resize

from mmlevelset.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ResizeToPatches(Resize):
    """Resize to the next larger sides that are multiples of a patch, bicubic by Pillow.

    Args:
        patch: Side of a patch, in pixels.
    """

    def __init__(self, patch: int = 16) -> None:
        super().__init__(scale_factor=1.0, interpolation='bicubic', backend='pillow')
        self.patch = patch

    def transform(self, results: dict) -> dict:
        """Resize ``img``; update ``img_shape``, ``scale`` and ``scale_factor``."""
        height, width = results['img'].shape[:2]
        results['scale'] = tuple(-(-side // self.patch) * self.patch for side in (width, height))
        self._resize_img(results)
        return results
