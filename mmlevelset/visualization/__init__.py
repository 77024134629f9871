"""Pictures of the level sets and of what they are made from."""

from .contours import draw_contours, zero_contours
from .panels import (
    Panel,
    draw_outline,
    draw_rows,
    join_rows,
    label_panel,
    level_set_panel,
    score_panel,
)
from .trace import GUIDE, trace_panels

__all__ = [
    'GUIDE',
    'Panel',
    'draw_contours',
    'draw_outline',
    'draw_rows',
    'join_rows',
    'label_panel',
    'level_set_panel',
    'score_panel',
    'trace_panels',
    'zero_contours',
]
