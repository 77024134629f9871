"""The program that ``configs/pipeline`` declares for."""

from .recipes import three_stages
from .scheduler import Pipeline, Stage
from .tables import markdown, summarise

__all__ = ['Pipeline', 'Stage', 'markdown', 'summarise', 'three_stages']
