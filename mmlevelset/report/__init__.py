"""The run of a pipeline as one page to look at.

``found`` reads what a work folder holds, ``choice`` finds the images to show, ``pictures`` draws them,
``charts`` draws curves and bars, and ``page`` puts them together.
"""

from .page import write_report

__all__ = ['write_report']
