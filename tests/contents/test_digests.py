"""Digests that a store does not know are made here, and remembered for what they are of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from adapters.local.backend import LocalBackend
from gateway.contents.backend import Capability
from gateway.contents.model import (
    Document,
    Entry,
    ETag,
    sha256_hex,
)
from gateway.contents.mounts import Mount
from gateway.contents.paths import ContentPath
from tests.contents.stand import (
    ADA,
    BOB,
    SWEET,
    BareBackend,
    contents_of,
    folder,
    parse,
)

ATOMIC = SWEET | {Capability.ATOMIC_REPLACE, Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE}


async def test_a_digest_that_the_store_does_not_know_is_made_once_for_each_revision(tmp_path: Path) -> None:
    class Forgetful(BareBackend):
        reads = 0

        async def stat(self, path: ContentPath) -> Entry:
            return replace(await super().stat(path), sha256=None)

        async def read(self, path: ContentPath) -> Document:
            type(self).reads += 1
            return await super().read(path)

    contents = contents_of(Mount("m", Forgetful(folder(tmp_path / "m"), ATOMIC)))
    path = parse("m/a.txt")
    for body, reads in ((b"one", 1), (b"two", 2)):
        await contents.write(ADA, path, body)
        for _ in range(2):
            assert (await contents.stat(ADA, path, with_sha256=True)).sha256 == sha256_hex(body)
        assert Forgetful.reads == reads
    assert (await contents.stat(ADA, path)).sha256 is None
    assert (await contents.stat(ADA, parse("m"), with_sha256=True)).sha256 is None


async def test_a_digest_is_remembered_for_the_store_it_is_of(tmp_path: Path) -> None:
    class OneEtag(BareBackend):
        """Tells of every file that it is of one revision; each user's folder is a store of their own."""

        def of(self, username: str | None) -> OneEtag:
            assert username is not None
            return OneEtag(LocalBackend(tmp_path / "m" / username), ATOMIC)

        async def stat(self, path: ContentPath) -> Entry:
            return replace(await super().stat(path), sha256=None, etag=ETag("one"))

        async def read(self, path: ContentPath) -> Document:
            document = await super().read(path)
            return replace(document, entry=replace(document.entry, sha256=None, etag=ETag("one")))

    contents = contents_of(Mount("m", OneEtag(folder(tmp_path / "m"), ATOMIC), store="hub", is_personal=True))
    for caller, body in ((ADA, b"ada"), (BOB, b"bob")):
        (tmp_path / "m" / body.decode()).mkdir()
        await contents.write(caller, parse("m/a.txt"), body)
    for caller, body in ((ADA, b"ada"), (BOB, b"bob")) * 2:
        assert (await contents.stat(caller, parse("m/a.txt"), with_sha256=True)).sha256 == sha256_hex(body)
