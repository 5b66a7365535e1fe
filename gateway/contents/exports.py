"""What the gateway asks of whoever turns notebooks into pages."""

from __future__ import annotations

from typing import Protocol


class Exports(Protocol):
    """Turns notebooks into pages of HTML that run nothing and load nothing (spec oci 4.7)."""

    async def html(self, title: str, notebook: bytes) -> str:
        """A whole document in one piece, its images in it as base64. ``notebook`` is the stored bytes.

        UNPROCESSABLE when it is no notebook that can be shown, or one that takes too much time or memory, which another
        attempt would, too; UNAVAILABLE when too many others wait. A cancelled call leaves no work behind.
        """
        ...
