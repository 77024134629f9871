"""What all refiners share: from the seed and the image to better soft maps, one image at a time."""

from abc import ABC, abstractmethod

import numpy as np

from mmlevelset.fileio.named import named
from mmlevelset.fileio.seeds import Seed, check_scores, check_seed


class Refiner(ABC):
    """Base of the classes in ``REFINERS``: ``refiner(image, seed) -> soft maps``.

    A subclass implements :meth:`refine`. This class checks the input, puts the background score
    before the seed scores and answers for images without foreground, which never reach ``refine``.

    Args:
        background: Background score of a seed, ``dict(alpha=a)`` for ``(1 - max score)^a`` (PSA) or
            ``dict(score=s)`` for a constant (IRN, MCTformer); see :func:`with_background`. May be
            left out where only :meth:`refine` is used.

    Raises:
        ValueError: For other keys in ``background`` or values out of range.
    """

    def __init__(self, background: dict[str, float] | None = None) -> None:
        if background is not None:
            with_background(np.zeros((1, 1, 1), np.float32), **background)
        self.background = background

    def __call__(self, image: np.ndarray, seed: Seed) -> np.ndarray:
        """Refine the seed of one image.

        Args:
            image (np.ndarray): RGB image, (H, W, 3) uint8; see :func:`rgb_image` for what else may
                be given.
            seed: Scores of the K present foreground classes at the size of the image.

        Returns:
            np.ndarray: soft maps in [0, 1], (K+1, H, W) float32; channel 0 is the background, channel
            k+1 the class ``seed.keys[k]``. Their argmax is the refined label; without foreground,
            the background is 1 everywhere.

        Raises:
            ValueError: If image and seed do not fit together, the seed is none (see
                :func:`~mmlevelset.fileio.seeds.check_seed`), no background score was set, or
                :meth:`refine` gave maps that are not in [0, 1] or of another shape.
        """
        image = rgb_image(image)
        check_seed(*seed)
        if seed.scores.shape[1:] != image.shape[:2]:
            raise ValueError(
                f'the seed is {seed.scores.shape[1:]} (H, W), the image {image.shape[:2]}; '
                'resize the seed to the original image, or check that both are of the same id'
            )
        if not len(seed.keys):
            return np.ones((1, *image.shape[:2]), dtype=np.float32)
        if self.background is None:
            raise ValueError(
                f'{type(self).__name__} has no background score for seeds; '
                'set background=dict(alpha=...) or background=dict(score=...)'
            )
        scores = with_background(seed.scores, **self.background)
        soft = self.refine(image, scores)
        with named(f'{type(self).__name__} made maps {soft.shape} of scores {scores.shape}'):
            check_scores_of(image, soft)
            if len(soft) != len(scores):
                raise ValueError('a refiner must keep their number')
            check_scores(soft)
        return soft

    @abstractmethod
    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Refine scores that include the background.

        Args:
            image (np.ndarray): RGB image, (H, W, 3) uint8.
            scores (np.ndarray): scores in [0, 1], (K+1, H, W) float32, background first. They need
                not sum to 1.

        Returns:
            np.ndarray: soft maps in [0, 1], (K+1, H, W) float32, in the order of ``scores``.
        """


def check_scores_of(image: np.ndarray, scores: np.ndarray) -> None:
    """Refuse scores that do not belong to an image, or are not finite.

    Args:
        image (np.ndarray): RGB image, (H, W, 3).
        scores (np.ndarray): scores of L labels, (L, H, W).

    Raises:
        ValueError: They have another shape, or NaN or infinity somewhere; says where.
    """
    if scores.ndim != 3 or not len(scores) or scores.shape[1:] != image.shape[:2]:
        raise ValueError(
            f'expected scores (L, H, W) of an image {image.shape[:2]}, got {scores.shape}'
        )
    if not np.isfinite(scores).all():
        label, row, column = np.argwhere(~np.isfinite(scores))[0]
        raise ValueError(
            f'scores are not finite: {scores[label, row, column]} at map {label}, row {row}, '
            f'column {column}; look for NaN and infinity in what made them'
        )


def with_background(
    scores: np.ndarray, *, alpha: float | None = None, score: float | None = None
) -> np.ndarray:
    """Put a background channel before the scores of the present classes.

    Args:
        scores (np.ndarray): scores in [0, 1], (K, H, W), K >= 1.
        alpha: Exponent of ``(1 - max_k scores)^alpha``: the higher, the weaker the background
            (PSA, ``infer_cls.py``).
        score: Constant background score in (0, 1]: one of 0 would leave pixels where all scores are 0 without a
            label, and they would be taken for unsure.

    Returns:
        np.ndarray: (K+1, H, W) float32.

    Raises:
        ValueError: Unless exactly one of ``alpha`` > 0 and ``score`` in (0, 1] is given.
    """
    scores = np.asarray(scores, dtype=np.float32)
    if alpha is not None and score is None:
        if not alpha > 0:
            raise ValueError(f'the background exponent must be > 0, got {alpha=}')
        background = (1 - scores.max(axis=0, keepdims=True)).clip(0) ** np.float32(alpha)
    elif score is not None and alpha is None:
        if not 0 < score <= 1:
            raise ValueError(f'the background score must lie in (0, 1], got {score=}')
        background = np.full_like(scores[:1], score)
    else:
        raise ValueError(
            f'give exactly one of alpha and score for the background, got {alpha=}, {score=}'
        )
    return np.concatenate([background, scores])


def rgb_image(image: np.ndarray) -> np.ndarray:
    """Bring an image to contiguous (H, W, 3) uint8 where nothing can be lost by it.

    Grey images, (H, W) or (H, W, 1), get three equal channels. Other dtypes are accepted if all
    values are whole numbers in 0..255. Anything else is ambiguous (a normalised image cast to uint8
    wraps around, one in [0, 1] turns black) and is refused.

    Args:
        image (np.ndarray): image with values 0..255.

    Returns:
        np.ndarray: RGB image, contiguous and writable, (H, W, 3) uint8; ``image`` itself if it is.

    Raises:
        ValueError: On another shape, an empty image or other values.
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3) or not image.size:
        raise ValueError(
            f'the image must be (H, W, 3) colours or (H, W) grey, not empty, got shape {image.shape}; '
            'channels come last, drop an alpha channel'
        )
    if image.dtype != np.uint8:
        whole = image.dtype.kind in 'iuf' and (
            (image >= 0) & (image <= 255) & (image == np.floor(image))
        )
        if not np.all(whole):
            raise ValueError(
                f'the image must hold whole numbers 0..255 (uint8), got {image.dtype}; give the '
                'image as it was read, or np.rint(255 * image).astype(np.uint8) of one in [0, 1]'
            )
    rgb = image if image.shape[2] == 3 else image.repeat(3, axis=2)
    return np.require(rgb, np.uint8, ['C', 'W'])  # writable: else torch and pydensecrf complain
