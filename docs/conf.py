"""How Sphinx builds these pages: ``make docs`` writes them to ``build/site``.

The source is the whole clone, so that links between these pages and those beside the code are checked as well.
"""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "netsim"
release = version = installed_version("netsim")
html_title = f"netsim {version}"

root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "models/*/README.md", "models/profiles/README.md"]
exclude_patterns = [".*", "build", "results"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
# A name in single backticks is looked up; one that is described nowhere is code.
default_role = "py:obj"
autodoc_typehints = "none"
# Attributes are described once, in their class.
napoleon_use_ivar = True

html_theme = "furo"
html_copy_source = False
html_show_copyright = False
