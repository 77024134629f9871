from .stages import Panel, draw_stages, label_panel, level_set_panel, score_panel

__all__ = ['Panel', 'draw_stages', 'label_panel', 'level_set_panel', 'score_panel']
