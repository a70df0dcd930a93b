"""Sphinx's configuration: `make docs` builds the site into `docs/_build/html`."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ceil_jax import __version__
from docs.made import api, pages, theme

# The notebook's own process finds the project, and says nothing but errors.
os.environ["PYTHONPATH"] = sys.path[0]
os.environ["JUPYTER_PATH"] = str(Path(__file__).parent / "made")
logging.getLogger("traitlets").setLevel(logging.WARNING)

project, author, version = "ceil-jax", "the ceil-jax developers", __version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "made"]
default_role = "code"
nitpicky = False

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["mystnb.unknown_mime_type"]

# The notebook is run whenever it is built; a cell that raises stops the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 72
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "ceil-jax"
html_static_path = ["_static"]
html_css_files, html_js_files = ["site.css"], ["site.js"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": theme.furo("light"),
    "dark_css_variables": theme.furo("dark"),
    "source_directory": "docs/",
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_exclude = ".linenos, .gp, .go"


def setup(app: Any) -> None:
    """Fill pages with what is made from the code, and check what was built."""
    app.connect("source-read", pages.on_source_read)
    app.connect("autodoc-process-docstring", api.on_docstring, priority=1)
    app.connect("autodoc-process-signature", api.on_signature)
    app.connect("build-finished", pages.on_finished)
