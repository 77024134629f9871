"""What level sets take from CAMs: their targets in training, and what they lean on where they are predicted."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.levelset import cam_masks, signed_distance, smooth_cam, valid_masks
from mmlevelset.levelset.limits import check_number
from mmlevelset.models.background import AutoBackground
from mmlevelset.models.guidance import Guidance
from mmlevelset.models.zero_level import ZeroLevel


class CAMGuided:
    """The part of a level-set head that reads the CAM; its options are those of the head."""

    training: bool
    conv_seg: nn.Conv2d

    def make_levels(
        self,
        num_classes: int,
        background: float | str,
        zero: float | str,
        zero_share: float,
        guidance: float | str,
        smooth: float,
    ) -> None:
        """Take the options, and make what finds those that are ``'auto'``.

        Raises:
            ValueError: A number is out of its range, or another word was given.
        """
        check_number('smooth', smooth, 0)
        check_number('zero_share', zero_share, 0, 1, '[]')
        self.background, self.zero, self.guidance = background, zero, guidance
        self.smooth = smooth
        auto = _is_auto('background', background, 0, '[)')
        self.auto_background = AutoBackground(num_classes) if auto else None
        auto = _is_auto('zero', zero, -1, '()')
        self.auto_zero = ZeroLevel(num_classes, zero_share) if auto else None
        auto = _is_auto('guidance', guidance, 0, '[]')
        self.auto_guidance = Guidance(num_classes) if auto else None

    def targets(
        self, cam: Tensor, labels: Tensor, size: Sequence[int], stride: float
    ) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        """Targets D = T(C) of the present classes whose mask has a contour (eq 9-12, 26).

        Args:
            cam (Tensor): C, (N, C, h', w'), >= 0, unnormalised.
            labels (Tensor): image labels, (N, C), 0/1.
            size (Sequence[int]): (h, w) of the level sets.
            stride (float): pixels of the input image per pixel of the map.

        Returns:
            tuple: C on the map, (N, C, h, w), blurred by ``smooth``; image and class of every pair, (M,)
            integers each; and D, (M, 1, h, w), in pixels of the map, positive inside.
        """
        cam = F.interpolate(cam.detach().float(), tuple(size), mode='bilinear')
        cam = smooth_cam(cam, self.smooth / stride)
        if self.auto_background is not None and self.training:
            self.auto_background.update(cam, labels)
        mask = cam_masks(cam, labels, self.backgrounds())
        n, c = (valid_masks(mask) & (labels > 0)).nonzero(as_tuple=True)
        # To the rim of the pixels, not to their centres: half a pixel is longer on a coarser map.
        return cam, (n, c), signed_distance(mask[n, c][:, None], subpixel=True)

    def settle(self, phi: Tensor, classes: Tensor, sdf: Tensor, unit: float) -> Tensor:
        """Level sets as they are predicted: phi^T from the zero of its class, with its share of D.

        Args:
            phi (Tensor): phi^T, (M, 1, h, w), in pixels of the map, positive inside.
            classes (Tensor): (M,) integers in 0 .. C-1.
            sdf (Tensor): D, likewise.
            unit (float): ``truncate`` in pixels of the map.

        Returns:
            Tensor: like ``phi``.
        """
        zero, share = (v[classes, None, None, None] for v in (self.zeros(), self.shares()))
        return phi - unit * zero + share * sdf.clamp(-unit, unit)

    def backgrounds(self) -> Tensor:
        """Backgrounds of eq 9, (C,), in (0, 1)."""
        return _levels(self.background, self.auto_background, self.conv_seg.weight)

    def zeros(self) -> Tensor:
        """Where predicted level sets have their contour, (C,), in shares of ``truncate``."""
        return _levels(self.zero, self.auto_zero, self.conv_seg.weight)

    def shares(self) -> Tensor:
        """Shares of D in what is predicted, (C,), in [0, 1]."""
        return _levels(self.guidance, self.auto_guidance, self.conv_seg.weight)


def _is_auto(name: str, value: float | str, low: float, ends: str) -> bool:
    """Whether an option is ``'auto'``.

    Args:
        name: Of the option.
        value: What was given.
        low: Lower limit of a number; the upper one is 1.
        ends: Brackets of the interval, see :func:`check_number`.

    Raises:
        ValueError: It is another word, or a number beyond its limits.
    """
    if value != 'auto':
        check_number(name, value, low, 1, ends, "'auto' finds it")
    return value == 'auto'


def _levels(given: float | str, auto: nn.Module | None, weight: Tensor) -> Tensor:
    """What a training has found for every class, or the given number for each.

    Args:
        given: The option, a number where there is no ``auto``.
        auto: What finds it in training.
        weight (Tensor): of the classes' layer, (C, K, 1, 1).

    Returns:
        Tensor: (C,), in the unit of the option.
    """
    return auto() if auto else weight.new_full(weight.shape[:1], float(given))
