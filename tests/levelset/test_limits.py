"""Numbers and shapes that are refused: whatever a network rounds passes, turned and cropped views do not."""

import math

import numpy as np
import pytest

from mmlevelset.levelset.limits import check_number, check_same_view

SIZES = [(375, 500), (321, 321), (1024, 2048), (512, 683)]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('stride', [1, 2, 4, 8, 16, 32])
def test_maps_of_networks_fit(size, stride):
    """Rounded up, rounded down, and enlarged patches of 16 px."""
    for rounded in (math.ceil, math.floor):
        check_same_view('map', [rounded(side / stride) for side in size], size)
    if stride <= 16:
        check_same_view('map', [side // 16 * (16 // stride) for side in size], size)


@pytest.mark.parametrize('size', [size for size in SIZES if size[0] != size[1]])
@pytest.mark.parametrize('stride', [1, 4, 16])
def test_other_views_do_not(size, stride):
    """Turned by a quarter, and cut to a square."""
    height, width = (math.ceil(side / stride) for side in size)
    for other in ((width, height), (height, height)):
        with pytest.raises(
            ValueError, match=f'map of {other[0]} x {other[1]} .*image of {size[0]} x'
        ):
            check_same_view('map', other, size)


@pytest.mark.parametrize('ends', ['[]', '()', '[)'])
def test_limits(ends):
    check_number('x', 0.5, 0, 1, ends)
    check_number('x', np.float32(0.5), 0, 1, ends)
    for value, bracket in ((0, '['), (1, ']')):
        if bracket in ends:
            check_number('x', value, 0, 1, ends)
        else:
            with pytest.raises(
                ValueError, match=f'x is {value}, expected a number in .0, 1.; cure'
            ):
                check_number('x', value, 0, 1, ends, 'cure')
    for value in (-0.1, 1.1, math.nan, math.inf, '0.5', None, True, [0.5], 1j):
        with pytest.raises(ValueError, match='x is .*, expected a number in '):
            check_number('x', value, 0, 1, ends)
