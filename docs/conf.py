"""Sphinx builds this documentation: ``make docs``; warnings are errors."""

from __future__ import annotations

project = "netsim"
copyright = "netsim contributors"  # noqa: A001  (Sphinx's name)
html_title = "netsim"
html_theme = "furo"
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
# Headings may be linked to as on a code host: #the-order-of-a-round.
myst_heading_anchors = 3
# Pages link to files of the repository, which are no pages.
suppress_warnings = ["myst.xref_missing"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
