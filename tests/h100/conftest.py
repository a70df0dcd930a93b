"""Programs for a GPU that is not there are compiled anew: it cannot load them."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True)
def no_stored_programs() -> Iterator[None]:
    jax.config.update("jax_enable_compilation_cache", False)
    yield
    jax.config.update("jax_enable_compilation_cache", True)
