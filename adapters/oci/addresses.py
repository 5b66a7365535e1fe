"""Where a workspace is on the wire: the generation's prefix, and paths as one segment or in a header (spec oci 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

COLLECTIONS = {"20260430": "aiDataPlatforms", "20240831": "dataLakes"}
"""The API's generations, and what each calls the platforms: mixed, they are not found."""

_BASE_PATHS = ("", "/api")
_MAX_HEADER_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Address:
    """One workspace as the configuration names it; ``base_path`` stands before the generation."""

    endpoint: str
    platform_id: str
    workspace_key: str
    generation: str
    base_path: str = ""

    @property
    def platform(self) -> str:
        parts = (*self.base_path.split("/"), self.generation, COLLECTIONS[self.generation], self.platform_id)
        return "/".join([self.endpoint.rstrip("/"), *(segment(part) for part in parts if part)])

    @property
    def workspace(self) -> str:
        return f"{self.platform}/workspaces/{segment(self.workspace_key)}"

    def spelled_otherwise(self) -> Iterator[Address]:
        """The same workspace under every other address that has been published."""
        for generation in COLLECTIONS:
            for base_path in _BASE_PATHS:
                other = replace(self, generation=generation, base_path=base_path)
                if other.workspace != self.workspace:
                    yield other


def segment(text: str) -> str:
    """The text as one part of a URL, its slashes encoded too."""
    return quote(text, safe="~")


def fits_header(address: str) -> bool:
    """Whether a path can travel as a header: HTTP has no agreed way to put other than ASCII there."""
    return address.isascii() and address == address.strip() and len(address) <= _MAX_HEADER_CHARACTERS
