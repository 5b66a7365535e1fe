"""The contract of ``stat``, ``read`` and ``list``."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gateway.contents.backend import Backend, Capability
from gateway.contents.model import Kind, sha256_hex
from gateway.contents.problem import Code, Reason
from tests.contract.steps import NOTEBOOK, ROOT, names, need, parse, put, refused


class ReadingContract:
    """What is true of reading on every backend."""

    async def test_capabilities_are_a_frozen_set_of_the_known_words(self, backend: Backend) -> None:
        assert isinstance(backend.capabilities, frozenset)
        assert backend.capabilities <= set(Capability)

    async def test_a_probe_may_be_repeated(self, backend: Backend) -> None:
        await backend.probe()
        await backend.probe()

    async def test_the_root_always_exists(self, backend: Backend) -> None:
        entry = await backend.stat(ROOT)
        assert (entry.kind, entry.path, entry.name) == (Kind.DIRECTORY, ROOT, "")
        listing = await backend.list(ROOT)
        assert listing.entry.kind is Kind.DIRECTORY
        assert listing.entries == ()

    async def test_a_missing_path_is_not_found(self, backend: Backend) -> None:
        path = parse("missing.txt")
        await refused(backend.stat(path), Code.NOT_FOUND)
        await refused(backend.read(path), Code.NOT_FOUND)
        await refused(backend.list(path), Code.NOT_FOUND)

    async def test_a_missing_notebook_is_not_found(self, backend: Backend) -> None:
        await refused(backend.stat(parse("missing.ipynb")), Code.NOT_FOUND)
        await refused(backend.read(parse("missing.ipynb")), Code.NOT_FOUND)

    async def test_a_path_below_a_missing_directory_is_not_found(self, backend: Backend) -> None:
        path = parse("missing/below.txt")
        await refused(backend.stat(path), Code.NOT_FOUND)
        await refused(backend.read(path), Code.NOT_FOUND)
        await refused(backend.list(path), Code.NOT_FOUND)

    async def test_a_path_below_a_file_is_not_found(self, backend: Backend) -> None:
        await put(backend, "file.txt")
        path = parse("file.txt/below.txt")
        await refused(backend.stat(path), Code.NOT_FOUND)
        await refused(backend.read(path), Code.NOT_FOUND)
        await refused(backend.list(path), Code.NOT_FOUND)
        await refused(backend.delete(path), Code.NOT_FOUND)

    async def test_a_directory_cannot_be_read_as_a_file(self, backend: Backend) -> None:
        await put(backend, "folder/a.txt")
        for path in (parse("folder"), ROOT):
            assert (await refused(backend.read(path), Code.INVALID)).reason is Reason.BAD_TYPE

    async def test_a_file_cannot_be_listed(self, backend: Backend) -> None:
        await put(backend, "a.txt")
        problem = await refused(backend.list(parse("a.txt")), Code.INVALID)
        assert problem.reason is Reason.BAD_TYPE

    async def test_the_name_tells_a_notebook_from_a_file(self, backend: Backend) -> None:
        await put(backend, "a.ipynb", NOTEBOOK)
        await put(backend, "a.txt")
        await put(backend, "folder/b.txt")
        expected = {"a.ipynb": Kind.NOTEBOOK, "a.txt": Kind.FILE, "folder": Kind.DIRECTORY}
        assert {entry.name: entry.kind for entry in (await backend.list(ROOT)).entries} == expected
        for name, kind in expected.items():
            assert (await backend.stat(parse(name))).kind is kind

    async def test_a_directory_whose_name_ends_like_a_notebook_is_a_directory(self, backend: Backend) -> None:
        await put(backend, "odd.ipynb/a.txt")
        assert (await backend.stat(parse("odd.ipynb"))).kind is Kind.DIRECTORY
        assert await names(backend, "odd.ipynb") == ["a.txt"]

    async def test_stat_read_and_write_agree_on_the_etag(self, backend: Backend) -> None:
        for name, body in (("a.txt", b"one\n"), ("a.ipynb", NOTEBOOK)):
            written = await put(backend, name, body)
            assert written.entry.etag
            assert '"' not in written.entry.etag
            assert (await backend.stat(parse(name))).etag == written.entry.etag
            assert (await backend.read(parse(name))).entry.etag == written.entry.etag

    async def test_a_listing_carries_the_same_etags(self, backend: Backend) -> None:
        need(backend, Capability.LISTED_ETAGS)
        written = [await put(backend, name) for name in ("a.txt", "b.txt")]
        listed = {entry.path: entry.etag for entry in (await backend.list(ROOT)).entries}
        assert listed == {each.entry.path: each.entry.etag for each in written}

    async def test_a_listed_etag_is_never_another_than_the_files(self, backend: Backend) -> None:
        written = await put(backend, "a.txt")
        (entry,) = (await backend.list(ROOT)).entries
        assert entry.etag in (None, written.entry.etag)

    async def test_one_revision_has_one_date_everywhere(self, backend: Backend) -> None:
        for name, body in (("a.txt", b"one\n"), ("a.ipynb", NOTEBOOK)):
            written = await put(backend, f"dates/{name}", body)
            listed = {entry.name: entry.modified for entry in (await backend.list(parse("dates"))).entries}
            stated = (await backend.stat(parse(f"dates/{name}"))).modified
            read = (await backend.read(parse(f"dates/{name}"))).entry.modified
            assert written.entry.modified == stated == read == listed[name]

    async def test_dates_are_aware_utc(self, backend: Backend) -> None:
        await put(backend, "folder/a.txt")
        entries = [await backend.stat(parse(text)) for text in ("", "folder", "folder/a.txt")]
        entries += (await backend.list(parse("folder"))).entries
        for entry in entries:
            assert entry.modified.utcoffset() == timedelta(0)
            assert entry.created.utcoffset() == timedelta(0)

    async def test_the_size_is_of_the_bytes_given(self, backend: Backend) -> None:
        for name, body in (("a.txt", b"12345"), ("a.ipynb", NOTEBOOK), ("empty.txt", b"")):
            await put(backend, name, body)
            document = await backend.read(parse(name))
            assert document.entry.size == len(document.body)
            assert (await backend.stat(parse(name))).size in (None, len(document.body))

    async def test_a_directory_has_no_size(self, backend: Backend) -> None:
        await put(backend, "folder/a.txt")
        assert (await backend.stat(parse("folder"))).size is None
        (entry,) = (await backend.list(ROOT)).entries
        assert entry.size is None

    async def test_stat_knows_the_digest_of_a_written_file(self, backend: Backend) -> None:
        need(backend, Capability.NATIVE_HASH)
        for name, body in (("a.txt", b"one\n"), ("a.ipynb", NOTEBOOK)):
            await put(backend, name, body)
            assert (await backend.stat(parse(name))).sha256 == sha256_hex(body)

    async def test_a_known_digest_is_of_the_bytes_read(self, backend: Backend) -> None:
        for name, body in (("a.txt", b"one\n"), ("a.ipynb", NOTEBOOK)):
            await put(backend, name, body)
            document = await backend.read(parse(name))
            assert document.entry.sha256 in (None, sha256_hex(document.body))

    async def test_the_etag_of_a_directory_follows_its_children(self, backend: Backend) -> None:
        await put(backend, "folder/a.txt")
        before = (await backend.list(parse("folder"))).entry.etag
        assert before is not None
        await put(backend, "folder/b.txt")
        assert (await backend.list(parse("folder"))).entry.etag != before

    async def test_a_listing_is_complete(self, backend: Backend) -> None:
        await backend.make_directory(parse("many"))
        wanted = [f"n{number:02}.txt" for number in range(30)]
        await asyncio.gather(*(backend.write(parse(f"many/{name}"), b"x") for name in wanted))
        assert await names(backend, "many") == wanted

    async def test_a_listing_does_not_descend(self, backend: Backend) -> None:
        await put(backend, "top/a.txt")
        await put(backend, "top/inner/b.txt")
        await put(backend, "top/inner/deep/c.txt")
        assert await names(backend) == ["top"]
        assert await names(backend, "top") == ["a.txt", "inner"]
        assert await names(backend, "top/inner") == ["b.txt", "deep"]

    async def test_names_that_begin_alike_are_told_apart(self, backend: Backend) -> None:
        for text in ("al/x.txt", "alice/y.txt", "al.txt"):
            await put(backend, text)
        assert await names(backend, "al") == ["x.txt"]
        assert await names(backend) == ["al", "al.txt", "alice"]
        await refused(backend.stat(parse("ali")), Code.NOT_FOUND)
        await refused(backend.list(parse("a")), Code.NOT_FOUND)
