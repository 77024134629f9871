"""The program that ``configs/pipeline`` declares for."""

from .recipes import expand
from .scheduler import Pipeline
from .stages import Stage
from .tables import markdown, summarise

__all__ = ['Pipeline', 'Stage', 'expand', 'markdown', 'summarise']
