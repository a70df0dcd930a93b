"""Numbers as pages and texts show them."""

MINUS = "\N{MINUS SIGN}"


def percent(value: float) -> str:
    """A figure in percent as pages show it.

    Args:
        value: Percent.

    Returns:
        One decimal.
    """
    return signed_text(f"{value:.1f}")


def signed(value: float, decimals: int = 1) -> str:
    """A change, with its sign.

    Args:
        value: Points.
        decimals: Digits after the point.

    Returns:
        "+6.9", or "±0.0" where nothing is left after rounding.
    """
    text = f"{value:+.{decimals}f}"
    if not text.strip("+-0."):
        text = f"±{abs(value):.{decimals}f}"
    return signed_text(text)


def signed_text(text: str) -> str:
    """A number's text with the sign that typography has for minus.

    Args:
        text: As Python writes it.

    Returns:
        The same with another sign.
    """
    return text.replace("-", MINUS)


def grouped(value: int) -> str:
    """A count with a comma for thousands.

    Args:
        value: The count.

    Returns:
        Its text.
    """
    return f"{value:,}"
