"""The ways to store the bytes of a plain file through the API, each one step of the service (spec oci 6)."""

from __future__ import annotations

from adapters.oci.errors import busy
from adapters.oci.models import Receipt
from adapters.oci.sight import Sight
from adapters.oci.workspace import Workspace
from gateway.contents.model import ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, stale


class Uploads:
    """Stores bytes through the objects API of one workspace."""

    def __init__(self, workspace: Workspace, sight: Sight) -> None:
        self._workspace = workspace
        self._sight = sight

    async def post(self, path: ContentPath, body: bytes, *, replaces: bool) -> Receipt:
        """Create; CONFLICT where something stands, unless a file may be replaced. The path must fit into a header."""
        headers = {
            "path": self._workspace.address(path),
            "type": "FILE",
            "is-overwrite": "true" if replaces else "false",
            "content-type": "application/octet-stream",
        }
        if replaces:
            return Receipt.of(await self._workspace.send("POST", "/objects", headers, body))
        return Receipt.of(await self._workspace.create("/objects", headers, body))

    async def put(self, path: ContentPath, body: bytes, if_match: str | None = None) -> Receipt:
        """Replace; NOT_FOUND where nothing stands. ``if_match`` travels as it is."""
        return Receipt.of(await self._workspace.object("PUT", path, body=body, if_match=if_match))

    async def put_matching(self, path: ContentPath, body: bytes, etag: ETag) -> Receipt:
        """Replace under the etag of contents. When the objects API does not know that one, under its own.

        That is read first: if the etag of contents is still the expected one afterwards, both are of one revision, and
        the service sees to it that this is the one which is replaced.
        """
        if not self._workspace.etags_apart:
            try:
                return await self.put(path, body, await self._workspace.dressed(path, etag))
            except Problem as problem:
                if problem.code is not Code.PRECONDITION:
                    raise
        answer = await self._workspace.object("GET", path, wants_body=False)
        receipt, standing = Receipt.of(answer), await self._sight.facts(path)
        if standing.etag != etag:
            raise stale()
        if receipt.etag is None or receipt.is_newer_than(standing.facts):
            raise busy()  # contents may be shown late: then the expected etag is not the current one
        stored = await self.put(path, body, answer.headers["etag"].strip())
        self._workspace.etags_apart = receipt.etag != etag
        return stored

    async def is_current(self, path: ContentPath, receipt: Receipt) -> bool:
        """Whether the file is still the one of this receipt."""
        return Receipt.of(await self._workspace.object("GET", path, wants_body=False)).etag == receipt.etag
