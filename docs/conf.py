"""Settings of Sphinx; docs/build.py puts the pages together and calls it."""

import re

from mmcv.transforms.utils import cache_randomness
from sphinx.application import Sphinx

project = 'mmlevelset'
html_title = 'mmlevelset'
html_theme = 'furo'
html_show_sourcelink = html_copy_source = False
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
myst_heading_anchors = 6  # links to headings, under the names that GitHub gives them
autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
autodoc_default_options = {'members': True, 'show-inheritance': True}
napoleon_use_ivar = True
napoleon_use_rtype = False


def _of_class(self: cache_randomness, instance: object, owner: type) -> cache_randomness:
    """Answer where a method of a class is asked for; mmcv's own fails without an instance."""
    return self if instance is None else _of_instance(self, instance, owner)


_of_instance = cache_randomness.__get__
cache_randomness.__get__ = _of_class


def literal_bars(
    app: Sphinx, what: str, name: str, member: object, options: object, lines: list[str]
) -> None:
    """Keep the bars of |grad phi|, which reStructuredText would take for a substitution."""
    lines[:] = [re.sub(r'(``.*?``)|\|', lambda m: m[1] or r'\|', line) for line in lines]


def setup(app: Sphinx) -> None:
    """Let Sphinx call the functions of this file."""
    app.connect('autodoc-process-docstring', literal_bars)
