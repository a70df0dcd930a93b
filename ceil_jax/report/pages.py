"""Pages that need no network: templates, styles and scripts in one file each."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ceil_jax.report.charts import Chart
from ceil_jax.report.numbers import grouped, percent, signed


@cache
def environment() -> Environment:
    """What fills the templates of this package; everything is escaped.

    Returns:
        The environment, with the filters `percent`, `signed` and `grouped`.
    """
    made = Environment(
        loader=PackageLoader("ceil_jax.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"percent": percent, "signed": signed, "grouped": grouped}
    return made


def page(
    template: str,
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    charts: Sequence[Chart] = (),
    **values: Any,
) -> str:
    """A whole page.

    Args:
        template: A file of this package that extends `base.html.j2`.
        styles: Files of this package, after `theme.css`.
        scripts: Files of this package, after `page.js`.
        data: What the scripts read, as JSON.
        charts: Those of the page, whose read-outs need data.
        **values: Names of the template.

    Returns:
        The text of an HTML file.
    """
    figures = {chart.name: chart.data for chart in charts if chart.data}
    return (
        environment()
        .get_template(template)
        .render(
            styles=_joined("theme.css", *styles),
            theme_script=_joined("theme.js"),
            scripts=_joined("page.js", *scripts),
            data=as_json({"figures": figures, **(data or {})}),
            **values,
        )
    )


def as_json(value: Any) -> Markup:
    """JSON that can stand in a `<script>` element.

    Args:
        value: Plain dictionaries, lists, texts and finite numbers.

    Returns:
        The text; nothing in it ends the element.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _joined(*names: str) -> Markup:
    folder = resources.files("ceil_jax.report")
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(texts))
