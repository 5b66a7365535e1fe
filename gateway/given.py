"""Stores named on the command line: a Jupyter server by the address that it prints, and a bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from gateway.settings import ConfigurationError

_PAGE = re.compile(r"/(lab|tree|doc|notebooks|edit|api)(/.*)?$")
_HIDDEN = re.compile(r"[.*]+")
"""What Jupyter prints in the place of a token that somebody chose."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was given; None where nothing was."""

    jupyter: str | None = None
    jupyter_token: str | None = field(default=None, repr=False)
    bucket: str | None = None

    def mounts(self) -> list[dict[str, Any]]:
        """As sections of a configuration. ConfigurationError for an address that cannot be one."""
        found: list[dict[str, Any]] = []
        if self.jupyter is not None:
            found.append({"name": "jupyter", "kind": "jupyter", **self._server(_parts(self.jupyter))})
        if self.bucket is not None:
            found.append({"name": "s3", "kind": "nx1", "bucket": self.bucket})
        return found

    def _server(self, parts: SplitResult) -> dict[str, Any]:
        path = _PAGE.sub("", parts.path).rstrip("/")
        token = dict(parse_qsl(parts.query)).get("token")
        if token and _HIDDEN.fullmatch(token):
            token = None
            if not self.jupyter_token:
                raise ConfigurationError(
                    "--jupyter: the server hides its token in the address that it prints; "
                    "give the token with --jupyter-token, or in the variable JUPYTER_TOKEN"
                )
        return {
            "url": urlunsplit(parts._replace(path=path, query="", fragment="")),
            "token": token or self.jupyter_token,
        }


def _parts(printed: str) -> SplitResult:
    try:
        parts = urlsplit(printed.strip())
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConfigurationError("--jupyter: give a whole address, such as http://127.0.0.1:8888/lab?token=...")
    return parts
