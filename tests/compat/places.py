"""Where a client of Jupyter is shown something: an empty folder of a server, and a credential for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from tests.gateways import TOKEN, Clients

ROOT = "jupyter"
"""The kind of the mount that is the root of the gateway's tree."""


@dataclass(frozen=True, slots=True)
class Place:
    """``folder`` is its path as the server at ``url`` counts it."""

    url: str
    token: str = field(repr=False)
    folder: str

    def variables(self) -> dict[str, str]:
        """For lines of a shell: the addresses of the folder's files, and of its models."""
        return {
            "TOKEN": self.token,
            "FOLDER": self.folder,
            "FILES": f"{self.url}/files/{self.folder}",
            "CONTENTS": f"{self.url}/api/contents/{self.folder}",
        }


async def new_place(gateway: Clients, store: str) -> Place:
    """A new folder in the gateway's mount of that kind."""
    name = f"test-{secrets.token_hex(4)}"
    folder = name if store == ROOT else f"{store}/{name}"
    made = await gateway.jupyter("PUT", f"/contents/{folder}", {"type": "directory"})
    assert made.status == 201
    return Place(gateway.url, TOKEN, folder)
