"""Values that no field of a kind may hold, and what a user may type for them."""

from typing import Any

from hypothesis import strategies as st

from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.ranges import (
    Choice,
    Name,
    Number,
    Place,
    Range,
    Several,
    Switch,
    Whole,
    Wholes,
)

NAN, INF = float("nan"), float("inf")
NAMES = sorted(config_lib.definitions())
NO_NAMES = ["", " ", "a b", "a/b", "../x", "a\0", "a\nb", "(1,)", "[]", "a" * 101]
NO_PATHS = [
    *("\0", "a\0b", "a" * 256, "b/" + "c" * 300 + "/d", "é" * 128, "x" * 10_000),
    *("a/" * 2048, "~nobody_of_that_name/x"),
]


def range_of(name: str) -> Range:
    return config_lib.definitions()[name].metadata["within"]


def with_value(name: str, value: Any, config: Config | None = None) -> Config:
    """A configuration, the default one if none is given, with one field set."""
    config = Config() if config is None else config
    *parts, leaf = name.split(".")
    part: Any = config
    for each in parts:
        part = getattr(part, each)
    setattr(part, leaf, value)
    return config


def values(within: Range) -> list[Any]:
    """Values of wrong kinds and out of range, at least eight."""
    anything = [None, b"1", {}, {"a": 1}, {1}, 1j, object(), ["a", "b"], [None]]
    numbers = [NAN, INF, -INF, "1", "", "x", True, (), [1], (1, 2)]
    match within:
        case Whole(least, most):
            out = [least - 1, most + 1, -(10**12), 10**12, 10**5000, -(10**5000)]
            return [*anything, *numbers, *out, 2.5, float(least), 1e300]
        case Number(least, most, without):
            out = [-1e300, 1e300, 10**400, -(10**400), 5e-324, 1e-300, -1, -1e-9]
            return [*anything, *numbers, *out, most * 1.01, *without]
        case Choice():
            return [*anything, NAN, INF, 0, True, 1.0, "1", " ", "last ", "x" * 10**6]
        case Switch():
            return [*anything, *numbers[:6], 0, 1, 1.0, "True", "false", "yes"]
        case Name():
            return [*anything, *NO_NAMES, NAN, 0, True]
        case Place():
            return [*anything, *NO_PATHS, NAN, 0, True, 2.5]
        case Wholes(_, _, count, multiple_of):
            few = [(), (16,), (16, 16, 16), (1, 2, 3, 4, 5)] if count else [(64, 32)]
            wrong = [2.5, NAN, INF, "16", None, True, -16, 10**12, 10**5000, [16], 16.0]
            wrong += [0, (16,)] if multiple_of == 1 else [0, 17, (16,)]
            alike = [(each,) * (count or 2) for each in wrong]
            return [*anything, *alike, *few, 16, NAN, "16", "(16, 16)", range(4)]
        case Several(options):
            wrong = [("x",), (1,), (None,), (*options, "x"), (options[0],) * 2]
            return [*anything, *wrong, [""], options[0], "x", 1, NAN, True]
    raise AssertionError(within)


def drawn(within: Range) -> st.SearchStrategy[Any]:
    """Values that are wrong whatever they are."""
    text, other = st.text(), st.none() | st.binary() | st.complex_numbers()
    other |= st.dictionaries(st.text(), st.integers()) | st.lists(
        st.text(min_size=1), min_size=1
    )
    match within:
        case Whole(least, most):
            below, above = st.integers(max_value=least - 1), st.integers(most + 1)
            return other | text | st.floats() | st.booleans() | below | above
        case Number(least, most):
            below = st.floats(max_value=least, exclude_max=True)
            above = st.floats(min_value=most, exclude_min=True)
            tiny = st.floats(1e-320, 1e-39)
            return other | text | st.booleans() | below | above | tiny
        case Choice(options):
            wrong = text.filter(lambda word: word not in options)
            return other | wrong | st.floats() | st.booleans()
        case Switch():
            return other | text | st.floats() | st.integers()
        case Name():
            return (
                other | st.floats() | st.integers() | text.map(lambda word: word + "/")
            )
        case Place():
            return (
                other | st.floats() | st.integers() | text.map(lambda word: word + "\0")
            )
        case Wholes(_, most):
            members = st.floats() | text | st.none() | st.booleans()
            members |= st.integers(most + 1) | st.integers(max_value=0)
            return other | text | st.floats() | st.lists(members, min_size=1).map(tuple)
        case Several(options):
            wrong = text.filter(lambda word: word not in options)
            members = wrong | st.integers() | st.none()
            return (
                st.none()
                | st.binary()
                | st.integers()
                | text
                | st.lists(members, min_size=1)
            )
    raise AssertionError(within)


def typed(within: Range) -> list[str]:
    """Words behind `--config.FIELD=` that cannot be read or are out of range."""
    words = ["nan", "inf", "abc", "None", "[]", "{}", "-1e12", "(1", "9" * 5000, "1;2"]
    match within:
        case Whole(least, most):
            return [*words, "", "2.5", "1e3", str(least - 1), str(most + 1), "True"]
        case Number():
            return [*words, "", "1e-300", "1e300", "-1", "1,5", "0x", "-inf"]
        case Choice():
            return [*words, "0", "2", "Last", "last ", "'last'", "true"]
        case Switch():
            return [*words, "maybe", "2", "-1", "1.0"]
        case Name():
            return NO_NAMES
        case Place():
            return NO_PATHS
        case Wholes():
            pairs = ["(nan, inf)", "(-16, -16)", "('a', 'b')", "(16, None)", "(0, 0)"]
            pairs += ["((16, 16),)", "(10000000000000, 16)", "(True, True)", "(2.5,)"]
            return [*(word for word in words if word not in ("[]", "{}")), *pairs]
        case Several(options):
            known = options[0]
            wrong = ["('x',)", "(1,)", f"('{known}', '{known}')", f"('{known}', 2)"]
            few = [word for word in words if word not in ("[]", "{}")]
            return [*few, *wrong, "(None,)", "x"]
    raise AssertionError(within)
