"""One browser for all pages that a worker opens."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import chrome


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chrome.browser() as started:
        yield started
