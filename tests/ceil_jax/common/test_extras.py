"""What is told where a library is not installed."""

import re

import pytest

from ceil_jax.common import extras
from ceil_jax.common.errors import UserError


def test_what_is_installed_is_not_missing():
    # Trackio does not go with the Pillow of CI.
    here = set(extras.EXTRAS) - {"trackio"}
    assert not any(extras.missing(extra) for extra in here)


def test_what_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", {"model": ("json", "no_such_a", "no_such_b")})
    assert extras.missing("model") == ["no_such_a", "no_such_b"]
    message = (
        "this needs no_such_a, no_such_b, installed by the extra [model]: pip install "
        "'.[model]' in the folder of ceil-jax"
    )
    with pytest.raises(extras.MissingExtraError, match=re.escape(message)) as caught:
        extras.require("model", "this")
    assert isinstance(caught.value, UserError), "the program prints it as one line"
    assert isinstance(caught.value, ImportError), "libraries expect this"
