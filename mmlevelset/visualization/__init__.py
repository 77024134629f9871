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
from .trace import trace_panels

__all__ = [
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
