"""The tokens of the pages: every colour has a name, and no page names a colour."""

import re
from importlib import resources

_BLOCKS = {"light": ":root {", "dark": ":root[data-theme=dark] {"}


def tokens(name: str) -> dict[str, str]:
    """The colours of a theme, from the style sheet of the report.

    Args:
        name: "light" or "dark".

    Returns:
        Values of six digits by the names of the tokens, without dashes in front.
    """
    file = resources.files("ceil_jax.report").joinpath("theme.css")
    _, _, rest = file.read_text(encoding="utf-8").partition(_BLOCKS[name])
    found = re.findall(r"--([\w-]+): #(\w+);", rest.partition("}")[0])
    return {
        token: f"#{value if len(value) == 6 else ''.join(2 * c for c in value)}"
        for token, value in found
    }


LIGHT, DARK = tokens("light"), tokens("dark")
_SANS = (
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, '
    "sans-serif"
)
_MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'
_FURO = {
    "color-background-primary": "paper",
    "color-background-secondary": "page",
    "color-background-hover": "sunk",
    "color-background-border": "line",
    "color-background-item": "line",
    "color-foreground-primary": "ink",
    "color-foreground-secondary": "ink2",
    "color-foreground-muted": "ink3",
    "color-foreground-border": "edge",
    "color-brand-primary": "accent",
    "color-brand-content": "accent",
    "color-brand-visited": "accent",
    "color-inline-code-background": "sunk",
    "color-code-background": "page",
    "color-code-foreground": "ink",
    "color-highlight-on-target": "tint",
    "color-highlighted-background": "tint",
    "color-highlighted-text": "ink",
    "color-admonition-background": "paper",
    "color-api-background": "page",
    "color-api-background-hover": "sunk",
    "color-api-name": "ink",
    "color-api-pre-name": "ink2",
    "color-api-paren": "ink2",
    "color-api-keyword": "ink2",
    "color-link--visited": "accent",
    "color-link-underline": "accent",
    "color-sidebar-link-text": "ink2",
    "color-sidebar-link-text--top-level": "ink",
    "color-sidebar-caption-text": "ink3",
    "color-toc-item-text": "ink2",
}


def furo(name: str) -> dict[str, str]:
    """The variables of the theme Furo, set to the tokens.

    Args:
        name: "light" or "dark".

    Returns:
        Values by name, without dashes in front: the tokens themselves, Furo's colours,
        and the fonts.
    """
    own = LIGHT if name == "light" else DARK
    colours = {ours: own[token] for ours, token in _FURO.items()}
    return own | colours | {"font-stack": _SANS, "font-stack--monospace": _MONO}
