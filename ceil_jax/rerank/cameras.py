"""What the re-rankers without a camera constraint say to those who give cameras."""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def takes_none(function: Callable[P, R]) -> Callable[P, R]:
    """Make a re-ranker refuse cameras by name.

    Args:
        function: Takes query and gallery, and no cameras.

    Returns:
        The same, of the same signature.
    """
    known = inspect.signature(function).parameters
    num_positional = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in known.values())

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        names = [name for name in kwargs if "camera" in name and name not in known]
        if len(args) > num_positional:
            names = ["query_cameras"]
        if names:
            raise ValueError(
                f"{names[0]} must be left out: {function.__name__} takes no cameras, "
                "gcr, gcr_topk, ca_jaccard and propagate do; all but query and gallery "
                "goes by name"
            )
        return function(*args, **kwargs)

    return wrapped
