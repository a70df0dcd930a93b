"""The tokens of the pages: every colour has a name, and no page names a colour."""

LIGHT = {
    "page": "#f5f6f7",
    "paper": "#ffffff",
    "sunk": "#eceff1",
    "ink": "#15181c",
    "ink2": "#434a52",
    "ink3": "#5d656e",
    "line": "#dbe0e4",
    "edge": "#7f8790",
    "accent": "#1d55c4",
    "tint": "#e8effc",
    "right": "#00725a",
    "wrong": "#b5380a",
    "warn": "#754700",
    "warn-bg": "#fff3d1",
    "visible": "#8f5f00",
    "infrared": "#7a3cc6",
    "plain": "#646c76",
}
DARK = {
    "page": "#0f1215",
    "paper": "#171b1f",
    "sunk": "#20252b",
    "ink": "#e9ecef",
    "ink2": "#bcc3ca",
    "ink3": "#98a1aa",
    "line": "#2c3238",
    "edge": "#707983",
    "accent": "#8db5ff",
    "tint": "#1b2740",
    "right": "#4fcaa8",
    "wrong": "#ff9a6c",
    "warn": "#f0cd7c",
    "warn-bg": "#2d2510",
    "visible": "#e3b74a",
    "infrared": "#c7a2ff",
    "plain": "#a2abb5",
}
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
    tokens = LIGHT if name == "light" else DARK
    colours = {ours: tokens[token] for ours, token in _FURO.items()}
    return tokens | colours | {"font-stack": _SANS, "font-stack--monospace": _MONO}
