"""The picture of all maps."""

import cv2
import numpy as np
import pytest

from mmlevelset.visualization import (
    Panel,
    draw_contours,
    draw_rows,
    join_rows,
    label_panel,
    level_set_panel,
    score_panel,
)
from mmlevelset.visualization.panels import CAPTION, CONTOUR, GAP


def test_draw_rows_aligns_columns(tmp_path):
    """Rows of other shapes share their columns; every pixel outside a panel is white."""
    wide, tall = np.zeros((50, 100, 3), np.uint8), np.zeros((100, 50, 3), np.uint8)
    path = draw_rows(
        [[Panel('a', wide)] * 3, [Panel('a', tall)] * 3], tmp_path / 'p.png', height=40
    )
    picture = cv2.imread(str(path))
    assert picture.shape == (CAPTION + 2 * (40 + GAP), 3 * (80 + GAP), 3)
    second = picture[-20]
    assert (second == 0).all(1).nonzero()[0].tolist() == [
        x + 84 * c for c in range(3) for x in range(30, 50)
    ]


def test_level_set_panel_marks_the_zero_contour():
    phi = 10 - np.hypot(*np.mgrid[-32:32, -32:32])
    panel = level_set_panel('phi', np.zeros((64, 64, 3), np.uint8), phi, limit=10, on_image=True)
    y, x = (panel.image == CONTOUR).all(2).nonzero()
    radius = np.hypot(y - 32, x - 32)
    assert len(y) and abs(radius - 10).max() < 2.5
    colours = level_set_panel('phi', panel.image, phi, limit=10).image
    inside, outside = colours[32, 32].astype(int), colours[2, 2].astype(int)
    assert inside[0] > inside[2] and outside[2] > outside[0]  # red inside, blue outside


def test_score_and_label_panels_keep_the_background_visible():
    image = np.full((4, 4, 3), 200, np.uint8)
    label = np.zeros((4, 4), np.uint8)
    label[0] = 3
    panel = label_panel('label', image, label).image
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) == 2 and panel[1:].min() > 100
    low, high = (score_panel('s', image, np.full((4, 4), v)).image[0, 0] for v in (0.1, 0.9))
    assert low[2] > low[0] and high[0] > high[2]


def test_rows_of_other_lengths():
    panel = Panel('a', np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match='equal length'):
        draw_rows([[panel], [panel, panel]], 'never.png')


def test_captions_stand_above_their_rows_and_fit(tmp_path):
    """A text that is longer than the picture is made smaller, and touches neither edge."""
    rows = [[Panel('a', np.zeros((40, 40, 3), np.uint8))]] * 2
    picture = join_rows(rows, 40, ['x', 'a long caption ' * 4])
    assert picture.shape == (CAPTION + 2 * (CAPTION + 40 + GAP), 40 + GAP, 3)
    second = picture[2 * CAPTION + 40 + GAP :][:CAPTION]
    assert second.min() < 200 and (second[:, -1] == 255).all()
    with pytest.raises(ValueError, match='a caption for each of 2 rows, got 1'):
        join_rows(rows, 40, ['x'])


def test_columns_are_headed_again_where_their_titles_change():
    """No row stands under the titles of another."""
    image = np.zeros((40, 40, 3), np.uint8)
    one, other = [Panel('image', image), Panel('CAM', image)], [Panel('image', image)] * 2
    heights = [len(join_rows(rows, 40)) for rows in ([one, one, one], [one, other, one])]
    assert heights == [CAPTION + 3 * (40 + GAP), 3 * (CAPTION + 40 + GAP)]


def test_names_of_contours_cover_neither_each_other_nor_the_edge():
    lines = [np.array([[90, 10], [95, 10], [95, 15], [90, 10]], np.float32)]
    one, both = (
        draw_contours(
            np.full((60, 100, 3), 128, np.uint8), dict.fromkeys(labels, lines), ['', 'cat', 'dog']
        )
        for labels in ([1], [1, 2])
    )
    white = [(image > 200).all(2) for image in (one, both)]
    assert not white[0][:, -1].any() and white[0].any()
    below = white[1] & ~white[0]
    assert (white[1] & white[0]).sum() == white[0].sum()  # the first name is whole
    assert below.any() and below.nonzero()[0].min() > white[0].nonzero()[0].min() + 10
