"""Nx1's keys: ``home/{user}/a.ipynb`` in the bucket is ``{mount}/a.ipynb`` in the gateway (spec nx1, section 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.contents.model import Caller, Kind
from gateway.contents.mounts import HOMES
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Code, Problem, invalid

_MORE_CONTROLS = re.compile(r"[\x80-\x9f]")


@dataclass(frozen=True, slots=True)
class Homes:
    """The mount whose top is each caller's own home."""

    mount: ContentPath

    def path_of(self, caller: Caller, key: str) -> ContentPath:
        """The gateway path of a key. INVALID for a malformed key, FORBIDDEN for one outside the caller's home."""
        if key != key.strip("/"):
            raise invalid("An s3_key neither begins nor ends with a slash.")
        check_controls(key)
        path = ContentPath.parse(key)
        if Kind.of_file(path) is not Kind.NOTEBOOK or path.name == ".ipynb":
            raise invalid("An s3_key names a notebook and ends in .ipynb.")
        home = ContentPath((HOMES, home_name(caller)))
        if len(path.segments) < 3 or not path.starts_with(home):
            raise Problem(Code.FORBIDDEN, "The notebook is outside your home prefix.")
        return self.mount.join(path.relative_to(home))

    def key_of(self, caller: Caller, path: ContentPath) -> str:
        """The key of a gateway path inside the mount."""
        return str(ContentPath((HOMES, home_name(caller))).join(path.relative_to(self.mount)))


def home_name(caller: Caller) -> str:
    """The name of the caller's home: FORBIDDEN for the platform's key, which is no user, and for unusable names."""
    if caller.username is None:
        raise Problem(Code.FORBIDDEN, "The platform key belongs to no user, so it has no home.")
    if "/" in caller.username or not is_plain_name(caller.username):
        raise Problem(Code.FORBIDDEN, "This username cannot be the name of a home folder.")
    return caller.username


def check_controls(name: str) -> None:
    """INVALID for the control characters beyond ASCII; the others no path may have."""
    if _MORE_CONTROLS.search(name):
        raise invalid("A name may not contain control characters.")
