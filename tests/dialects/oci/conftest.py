"""The fixture of the OCI dialect's tests: a served workspace in an empty folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dialects.oci.app import Oci, running


@pytest.fixture
async def oci(tmp_path: Path) -> AsyncIterator[Oci]:
    async with running(tmp_path) as served:
        yield served
