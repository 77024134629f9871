import colorsys

import numpy as np

from mmlevelset.datasets import RandomHSVShift


def test_shift_of_one_colour(monkeypatch) -> None:
    """Against colorsys: half degrees of hue, grey levels of saturation and value."""
    transform = RandomHSVShift(10)
    monkeypatch.setattr(transform, '_shift', lambda: np.array([-10, 7, -9]))
    bgr = np.full((2, 3, 3), (60, 90, 200), np.uint8)  # a red: the hue passes through zero
    out = transform.transform(dict(img=bgr))['img'][0, 0]
    h, s, v = colorsys.rgb_to_hsv(200 / 255, 90 / 255, 60 / 255)
    rgb = colorsys.hsv_to_rgb((h - 20 / 360) % 1, s + 7 / 255, v - 9 / 255)
    np.testing.assert_allclose(out[::-1], 255 * np.array(rgb), atol=3)


def test_range_and_no_wrapping() -> None:
    transform = RandomHSVShift(10)
    shifts = np.stack([transform._shift() for _ in range(500)])
    assert (shifts.min(0) == -10).all() and (shifts.max(0) == 10).all()
    white = np.full((1, 1, 3), 255, np.uint8)
    values = [transform.transform(dict(img=white))['img'].max() for _ in range(30)]
    assert min(values) >= 245 and max(values) == 255
