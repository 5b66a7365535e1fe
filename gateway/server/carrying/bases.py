"""One server's URLs in two places: below the server's own base path, and below the gateway's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from yarl import URL

_ENDS = ("/", "?", "#")


@dataclass(frozen=True, slots=True)
class Bases:
    """``url`` is the server's, as configured; ``theirs`` its base path in each way it may be escaped, the first as it
    is configured; ``ours`` the gateway's. Base paths are empty, or begin with a slash and do not end with one."""

    url: URL
    theirs: tuple[str, ...]
    ours: str

    @property
    def differ(self) -> bool:
        """Whether a path of the server means something else in the gateway."""
        return self.theirs[0] != self.ours

    def below(self, path: str) -> str | None:
        """What remains of a path (and query) of the server below its base; it begins with one slash.

        None for what is no path, lies outside, or would be another host's address without its base.
        """
        if not path.startswith("/"):
            return None
        for base in self.theirs:
            rest = path.removeprefix(base)
            if path.startswith(base) and (not rest or rest.startswith(_ENDS)):
                rest = rest if rest.startswith("/") else f"/{rest}"
                return None if rest.startswith(("//", "/\\")) else rest
        return None

    def ours_of(self, path: str) -> str:
        """A path of the server as the gateway has it; anything else as it is."""
        below = self.below(path)
        return path if below is None else self.ours + below


@lru_cache(maxsize=1024)
def bases_of(url: str, ours: str) -> Bases:
    """Between the server at ``url`` and a gateway at ``ours``."""
    at = URL(url, encoded=True)
    path = at.raw_path.rstrip("/")
    plain = unquote(path)
    spellings = (path, quote(plain, safe="/"), quote(plain, safe="/@"), plain)
    return Bases(at, tuple(dict.fromkeys(spellings)), ours)
