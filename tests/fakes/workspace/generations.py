"""The two published generations of the workspace API, and where the emulated workspace stands in each (spec oci 2)."""

from __future__ import annotations

from dataclasses import dataclass

PLATFORM_ID = "ocid1.aidataplatform.oc1.iad.emulated"
WORKSPACE_KEY = "5d3a1c9e-0000-4000-8000-emulated0001"


@dataclass(frozen=True)
class Generation:
    """A version and the collection that goes with it; one without the other is not found."""

    version: str
    collection: str
    operation_header: str
    """Names the asynchronous operation that a 202 has begun."""
    lists_directories: bool
    sessions_as_array: bool

    @property
    def platform_prefix(self) -> str:
        return f"/{self.version}/{self.collection}/{PLATFORM_ID}"

    @property
    def prefix(self) -> str:
        return f"{self.platform_prefix}/workspaces/{WORKSPACE_KEY}"


CURRENT = Generation(
    "20260430", "aiDataPlatforms", "aidp-async-operation-key", lists_directories=False, sessions_as_array=False
)
OLDER = Generation(
    "20240831", "dataLakes", "datalake-async-operation-key", lists_directories=True, sessions_as_array=True
)
PREFIX = CURRENT.prefix
