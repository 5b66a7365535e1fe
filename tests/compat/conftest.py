"""What every test with Oracle's client needs."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def oracles_connections_are_collected() -> Iterator[None]:
    """Oracle's client leaves the connections of refused requests to the garbage collector: it meets them here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()
