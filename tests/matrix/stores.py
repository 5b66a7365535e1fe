"""A fresh, empty store of each kind, as the mount section of a configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

KINDS = ("local", "nx1", "jupyter", "oci")
