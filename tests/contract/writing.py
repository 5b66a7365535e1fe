"""The contract of ``write``, ``make_directory`` and ``delete``."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.contents.backend import Backend, Capability
from gateway.contents.model import Kind
from gateway.contents.problem import Code, Reason
from tests.contract.steps import (
    NAMES,
    NOTEBOOK,
    NOTEBOOK_TREE,
    ROOT,
    body_of,
    is_missing,
    names,
    need,
    parse,
    put,
    refused,
    remover,
)


class WritingContract:
    """What is true of changing things on every backend."""

    async def test_a_directory_is_removed_as_empty_only_when_it_is(self, backend: Backend) -> None:
        removing = remover(backend)
        await put(backend, "folder/inner/a.txt")
        await refused(removing.remove_empty(parse("folder")), Code.CONFLICT)
        await refused(removing.remove_empty(parse("folder/inner/a.txt")), Code.INVALID)
        await refused(removing.remove_empty(parse("missing")), Code.NOT_FOUND)
        await refused(removing.remove_empty(ROOT), Code.INVALID)
        await backend.delete(parse("folder/inner/a.txt"))
        await removing.remove_empty(parse("folder/inner"))
        assert await names(backend, "folder") == []
        await removing.remove_empty(parse("folder"))
        assert await is_missing(backend, parse("folder"))

    async def test_a_write_creates_and_then_replaces(self, backend: Backend) -> None:
        first = await backend.write(parse("a.txt"), b"one\n")
        second = await backend.write(parse("a.txt"), b"two\n")
        assert (first.created, second.created) == (True, False)
        assert (first.entry.path, first.entry.kind) == (parse("a.txt"), Kind.FILE)
        assert await body_of(backend, "a.txt") == b"two\n"
        assert await names(backend) == ["a.txt"]

    async def test_the_etag_changes_with_the_bytes(self, backend: Backend) -> None:
        etags = [(await backend.write(parse("a.txt"), body)).entry.etag for body in (b"one\n", b"two\n", b"three\n")]
        assert len(set(etags)) == 3

    async def test_the_etag_of_a_notebook_changes_with_its_content(self, backend: Backend) -> None:
        before = (await backend.write(parse("a.ipynb"), NOTEBOOK)).entry.etag
        assert (await backend.write(parse("a.ipynb"), NOTEBOOK.replace(b"second", b"third"))).entry.etag != before

    async def test_a_notebook_stays_the_same_notebook(self, backend: Backend) -> None:
        await backend.write(parse("a.ipynb"), NOTEBOOK)
        tree = json.loads(await body_of(backend, "a.ipynb"))
        tree["cells"][0]["source"] = "".join(tree["cells"][0]["source"])
        assert tree["cells"][0]["source"] == "# Grüße\nsecond line"
        assert {**tree, "cells": NOTEBOOK_TREE["cells"]} == NOTEBOOK_TREE

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("all.bin", bytes(range(256)) * 16),
            ("not-utf8.txt", b"\xff\xfe broken \xc3"),
            ("newlines.txt", b"one\r\ntwo\rthree"),
            (
                "odd.ipynb",
                b'{"nbformat":4,  "big": 123456789012345678901,\t"nbformat_minor":5,"metadata":{},"cells":[]}',
            ),
            ("split.ipynb", NOTEBOOK),
            ("not-json.ipynb", b"not json at all"),
            ("empty.txt", b""),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_the_very_bytes_are_kept(self, backend: Backend, name: str, body: bytes) -> None:
        need(backend, Capability.BYTE_EXACT)
        await backend.write(parse(name), body)
        assert await body_of(backend, name) == body

    @pytest.mark.parametrize("name", NAMES)
    async def test_a_name_stays_as_it_is_spelled(self, backend: Backend, name: str) -> None:
        await backend.make_directory(parse(name))
        path = parse(name).child(name)
        await backend.write(path, b"named\n")
        assert await names(backend) == [name]
        assert await names(backend, name) == [name]
        assert (await backend.stat(path)).path == path
        assert (await backend.read(path)).body == b"named\n"
        await backend.delete(path)
        assert await is_missing(backend, path)

    async def test_a_write_never_replaces_a_directory(self, backend: Backend) -> None:
        await put(backend, "folder/a.txt")
        await refused(backend.write(parse("folder"), b"x"), Code.CONFLICT)
        assert await names(backend, "folder") == ["a.txt"]

    async def test_nothing_is_written_below_a_file(self, backend: Backend) -> None:
        await put(backend, "file.txt")
        await refused(backend.write(parse("file.txt/a.txt"), b"x"), Code.INVALID, Code.CONFLICT)
        assert await body_of(backend, "file.txt") == b"one\n"

    async def test_a_write_below_a_missing_directory_is_refused_unless_parents_are_implicit(
        self, backend: Backend
    ) -> None:
        path = parse("new/deep/a.txt")
        if Capability.IMPLICIT_PARENTS in backend.capabilities:
            await backend.write(path, b"one\n")
            assert (await backend.stat(parse("new"))).kind is Kind.DIRECTORY
            assert await names(backend, "new/deep") == ["a.txt"]
        else:
            await refused(backend.write(path, b"one\n"), Code.NOT_FOUND)
            assert await names(backend) == []

    async def test_a_cancelled_write_leaves_old_or_new_bytes_and_nothing_else(self, backend: Backend) -> None:
        old, new = b"old\n" * 10_000, b"new\n" * 20_000
        await backend.write(parse("a.txt"), old)
        for delay in (0.0, 0.002, 0.01):
            task = asyncio.create_task(backend.write(parse("a.txt"), new))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0.1)
            assert await body_of(backend, "a.txt") in (old, new)
            assert await names(backend) == ["a.txt"]

    async def test_cancellation_leaves_the_backend_as_cancellation(self, backend: Backend) -> None:
        task = asyncio.create_task(backend.stat(ROOT))
        await asyncio.sleep(0)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() or not isinstance(result, BaseException)

    async def test_a_reader_never_meets_half_a_write(self, backend: Backend) -> None:
        need(backend, Capability.ATOMIC_REPLACE)
        bodies = [letter * 300_000 for letter in (b"a", b"b")]
        path = parse("big.txt")
        etags = {(await backend.write(path, body)).entry.etag: body for body in bodies}

        async def rewrite() -> None:
            for number in range(6):
                await backend.write(path, bodies[number % 2])

        writing = asyncio.create_task(rewrite())
        while not writing.done():
            document = await backend.read(path)
            assert document.body in bodies
            assert etags.get(document.entry.etag, document.body) == document.body
        await writing

    async def test_a_directory_is_made_once(self, backend: Backend) -> None:
        entry = await backend.make_directory(parse("folder"))
        assert (entry.kind, entry.path) == (Kind.DIRECTORY, parse("folder"))
        await put(backend, "folder/a.txt")
        await put(backend, "a.txt")
        for taken in ("folder", "a.txt"):
            problem = await refused(backend.make_directory(parse(taken)), Code.CONFLICT)
            assert problem.reason is Reason.EXISTS
        assert await names(backend, "folder") == ["a.txt"]

    async def test_an_empty_directory_stays_until_it_is_deleted(self, backend: Backend) -> None:
        need(backend, Capability.EMPTY_DIRECTORIES)
        await backend.make_directory(parse("folder"))
        assert (await backend.stat(parse("folder"))).kind is Kind.DIRECTORY
        assert await names(backend) == ["folder"]
        assert await names(backend, "folder") == []
        await put(backend, "folder/a.txt")
        await backend.delete(parse("folder/a.txt"))
        assert await names(backend, "folder") == []
        await backend.delete(parse("folder"))
        assert await names(backend) == []

    async def test_a_directory_below_a_missing_one_is_refused_unless_parents_are_implicit(
        self, backend: Backend
    ) -> None:
        need(backend, Capability.EMPTY_DIRECTORIES)
        if Capability.IMPLICIT_PARENTS in backend.capabilities:
            await backend.make_directory(parse("new/deep"))
            assert await names(backend, "new") == ["deep"]
        else:
            await refused(backend.make_directory(parse("new/deep")), Code.NOT_FOUND)
            assert await names(backend) == []

    async def test_no_directory_is_made_below_a_file(self, backend: Backend) -> None:
        await put(backend, "file.txt")
        await refused(backend.make_directory(parse("file.txt/folder")), Code.INVALID, Code.CONFLICT, Code.NOT_FOUND)
        assert await body_of(backend, "file.txt") == b"one\n"

    async def test_a_deleted_file_is_gone(self, backend: Backend) -> None:
        await put(backend, "a.txt")
        await put(backend, "b.txt")
        await backend.delete(parse("a.txt"))
        assert await names(backend) == ["b.txt"]
        await refused(backend.read(parse("a.txt")), Code.NOT_FOUND)

    async def test_what_is_missing_cannot_be_deleted(self, backend: Backend) -> None:
        await refused(backend.delete(parse("missing.txt")), Code.NOT_FOUND)
        await refused(backend.delete(parse("missing/a.txt")), Code.NOT_FOUND)

    async def test_a_deleted_directory_takes_everything_and_no_sibling(self, backend: Backend) -> None:
        for text in ("al/x.txt", "al/inner/deep/y.ipynb", "alice/z.txt", "al.txt"):
            await put(backend, text, NOTEBOOK)
        await backend.delete(parse("al"))
        assert await names(backend) == ["al.txt", "alice"]
        assert await names(backend, "alice") == ["z.txt"]
        for text in ("al", "al/x.txt", "al/inner/deep/y.ipynb"):
            assert await is_missing(backend, parse(text))

    async def test_the_root_stays(self, backend: Backend) -> None:
        await put(backend, "a.txt")
        await refused(backend.delete(ROOT), Code.INVALID)
        await refused(backend.make_directory(ROOT), Code.CONFLICT)
        await refused(backend.write(ROOT, b"x"), Code.CONFLICT)
        assert await names(backend) == ["a.txt"]

    async def test_a_large_body_is_kept_whole(self, backend: Backend) -> None:
        text = "".join(f"{number:07}\n" for number in range(1 << 18)).encode()
        for name, body in (("large.txt", text), ("large.bin", b"\xff\x00" * (1 << 20))):
            written = await backend.write(parse(name), body)
            assert written.entry.size == len(body)
            assert await body_of(backend, name) == body

    async def test_a_deleted_file_written_anew_is_created(self, backend: Backend) -> None:
        await put(backend, "a.txt")
        await backend.delete(parse("a.txt"))
        assert (await backend.write(parse("a.txt"), b"two\n")).created
