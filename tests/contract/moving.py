"""The contract of the optional powers: copy, move and checkpoints."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from gateway.contents.backend import Backend, Capability, SupportsCheckpoints
from gateway.contents.model import Kind
from gateway.contents.problem import Code, Reason
from tests.contract.steps import (
    NAMES,
    NOTEBOOK,
    body_of,
    copier,
    is_missing,
    keeper,
    mover,
    names,
    parse,
    put,
    refused,
)

CHANGED = NOTEBOOK.replace(b"second", b"changed")


class CopyContract:
    """What is true of a store that copies by itself."""

    async def test_a_copy_has_the_same_bytes_and_the_source_stays(self, backend: Backend) -> None:
        copy = copier(backend).copy
        await put(backend, "a.txt")
        await put(backend, "other/b.txt")
        written = await copy(parse("a.txt"), parse("other/a copy.txt"))
        assert written.created
        assert (written.entry.path, written.entry.kind) == (parse("other/a copy.txt"), Kind.FILE)
        assert (await backend.stat(parse("other/a copy.txt"))).etag == written.entry.etag
        assert await body_of(backend, "other/a copy.txt") == await body_of(backend, "a.txt") == b"one\n"

    async def test_a_copy_never_replaces(self, backend: Backend) -> None:
        copy = copier(backend).copy
        await put(backend, "a.txt")
        await put(backend, "b.txt", b"two\n")
        await put(backend, "folder/c.txt")
        await refused(copy(parse("a.txt"), parse("b.txt")), Code.PRECONDITION)
        await refused(copy(parse("a.txt"), parse("folder")), Code.PRECONDITION)
        assert await body_of(backend, "b.txt") == b"two\n"

    async def test_what_is_missing_cannot_be_copied(self, backend: Backend) -> None:
        await refused(copier(backend).copy(parse("a.txt"), parse("b.txt")), Code.NOT_FOUND)
        assert await names(backend) == []

    @pytest.mark.parametrize("name", NAMES)
    async def test_a_name_stays_as_it_is_spelled_when_it_is_copied(self, backend: Backend, name: str) -> None:
        copy = copier(backend).copy
        await put(backend, name)
        await copy(parse(name), parse(f"{name}.2"))
        assert await names(backend) == [name, f"{name}.2"]
        assert await body_of(backend, f"{name}.2") == b"one\n"

    async def test_checkpoints_stay_behind(self, backend: Backend) -> None:
        copy, checkpoints = copier(backend).copy, keeper(backend)
        await put(backend, "a.ipynb", NOTEBOOK)
        await checkpoints.create_checkpoint(parse("a.ipynb"))
        await copy(parse("a.ipynb"), parse("b.ipynb"))
        assert await checkpoints.list_checkpoints(parse("b.ipynb")) == ()
        assert len(await checkpoints.list_checkpoints(parse("a.ipynb"))) == 1


class MoveContract:
    """What is true of a store that renames by itself."""

    async def test_a_moved_file_is_at_its_target_only(self, backend: Backend) -> None:
        move = mover(backend).move
        await put(backend, "a.txt")
        await put(backend, "other/b.txt")
        entry = await move(parse("a.txt"), parse("other/a.txt"))
        assert (entry.path, entry.kind) == (parse("other/a.txt"), Kind.FILE)
        assert (await backend.stat(parse("other/a.txt"))).etag == entry.etag
        assert await body_of(backend, "other/a.txt") == b"one\n"
        assert await is_missing(backend, parse("a.txt"))

    async def test_a_file_may_become_a_notebook_by_its_name(self, backend: Backend) -> None:
        move = mover(backend).move
        await put(backend, "a.txt", NOTEBOOK)
        assert (await move(parse("a.txt"), parse("a.ipynb"))).kind is Kind.NOTEBOOK

    async def test_a_moved_directory_takes_all_below_and_no_sibling(self, backend: Backend) -> None:
        move = mover(backend).move
        for text in ("al/x.txt", "al/inner/y.txt", "alice/z.txt"):
            await put(backend, text, text.encode())
        entry = await move(parse("al"), parse("bo"))
        assert (entry.path, entry.kind) == (parse("bo"), Kind.DIRECTORY)
        assert await names(backend) == ["alice", "bo"]
        assert await names(backend, "bo") == ["inner", "x.txt"]
        assert await body_of(backend, "bo/inner/y.txt") == b"al/inner/y.txt"
        assert await names(backend, "alice") == ["z.txt"]

    @pytest.mark.parametrize("name", NAMES)
    async def test_a_name_stays_as_it_is_spelled_when_it_moves(self, backend: Backend, name: str) -> None:
        move = mover(backend).move
        await put(backend, f"{name}/{name}")
        await put(backend, f"other/{name}.2")
        await move(parse(f"{name}/{name}"), parse(f"other/{name}"))
        await move(parse("other"), parse(f"{name}/{name}"))
        assert await names(backend) == [name]
        assert await names(backend, name) == [name]
        assert await names(backend, f"{name}/{name}") == [name, f"{name}.2"]
        assert await body_of(backend, f"{name}/{name}/{name}") == b"one\n"

    async def test_the_root_is_neither_moved_nor_replaced(self, backend: Backend) -> None:
        move = mover(backend).move
        await put(backend, "a/b.txt")
        for source, target in (("", "c"), ("a", ""), ("a/b.txt", "")):
            await refused(move(parse(source), parse(target)), Code.INVALID, Code.CONFLICT)
        assert await body_of(backend, "a/b.txt") == b"one\n"

    async def test_a_move_never_replaces(self, backend: Backend) -> None:
        move = mover(backend).move
        for text in ("a.txt", "b.txt", "one/x.txt", "two/y.txt"):
            await put(backend, text, text.encode())
        for source, target in (("a.txt", "b.txt"), ("a.txt", "two"), ("one", "two"), ("one", "b.txt")):
            problem = await refused(move(parse(source), parse(target)), Code.CONFLICT)
            assert problem.reason is Reason.EXISTS
        for text in ("a.txt", "b.txt", "one/x.txt", "two/y.txt"):
            assert await body_of(backend, text) == text.encode()

    async def test_an_empty_directory_is_not_replaced_either(self, backend: Backend) -> None:
        move = mover(backend).move
        if Capability.EMPTY_DIRECTORIES in backend.capabilities:
            await backend.make_directory(parse("empty"))
            await put(backend, "full/a.txt")
            problem = await refused(move(parse("full"), parse("empty")), Code.CONFLICT)
            assert problem.reason is Reason.EXISTS

    async def test_what_is_missing_cannot_be_moved(self, backend: Backend) -> None:
        await refused(mover(backend).move(parse("missing.txt"), parse("b.txt")), Code.NOT_FOUND)
        assert await names(backend) == []

    async def test_a_move_below_a_missing_directory_is_refused_unless_parents_are_implicit(
        self, backend: Backend
    ) -> None:
        move = mover(backend).move
        await put(backend, "a.txt")
        if Capability.IMPLICIT_PARENTS in backend.capabilities:
            await move(parse("a.txt"), parse("new/a.txt"))
            assert await body_of(backend, "new/a.txt") == b"one\n"
        else:
            await refused(move(parse("a.txt"), parse("new/a.txt")), Code.NOT_FOUND)
            assert await body_of(backend, "a.txt") == b"one\n"

    async def test_checkpoints_follow_a_moved_file(self, backend: Backend) -> None:
        move, checkpoints = mover(backend).move, keeper(backend)
        await put(backend, "a.ipynb", NOTEBOOK)
        await put(backend, "other/b.txt")
        saved = await checkpoints.create_checkpoint(parse("a.ipynb"))
        await put(backend, "a.ipynb", CHANGED)
        await move(parse("a.ipynb"), parse("other/c.ipynb"))
        assert await checkpoints.list_checkpoints(parse("a.ipynb")) == ()
        (kept,) = await checkpoints.list_checkpoints(parse("other/c.ipynb"))
        await checkpoints.restore_checkpoint(parse("other/c.ipynb"), kept.id)
        assert kept.id == saved.id
        assert b"second" in await body_of(backend, "other/c.ipynb")

    async def test_checkpoints_follow_a_moved_directory(self, backend: Backend) -> None:
        move, checkpoints = mover(backend).move, keeper(backend)
        await put(backend, "old/a.ipynb", NOTEBOOK)
        await checkpoints.create_checkpoint(parse("old/a.ipynb"))
        await move(parse("old"), parse("new"))
        await put(backend, "new/a.ipynb", CHANGED)
        assert await checkpoints.list_checkpoints(parse("old/a.ipynb")) == ()
        (kept,) = await checkpoints.list_checkpoints(parse("new/a.ipynb"))
        await checkpoints.restore_checkpoint(parse("new/a.ipynb"), kept.id)
        assert b"second" in await body_of(backend, "new/a.ipynb")


class CheckpointContract:
    """What is true of a store that keeps saved states."""

    async def test_a_checkpoint_is_listed_with_the_date_of_the_file(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        entry = (await put(backend, "a.txt")).entry  # a notebook's first save may make a checkpoint by itself
        assert await checkpoints.list_checkpoints(entry.path) == ()
        saved = await checkpoints.create_checkpoint(entry.path)
        assert re.fullmatch(r"[\w-]+", saved.id)
        assert saved.modified.utcoffset() == timedelta(0)
        assert abs(saved.modified - entry.modified) < timedelta(seconds=1)
        assert await checkpoints.list_checkpoints(entry.path) == (saved,)

    async def test_what_is_saved_already_has_one_checkpoint_however_often_it_is_saved(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        for name, body in (("a.ipynb", NOTEBOOK), ("a.txt", b"one\n")):
            await put(backend, name, body)
            saved = await checkpoints.create_checkpoint(parse(name))
            assert await checkpoints.create_checkpoint(parse(name)) == saved
            assert await checkpoints.list_checkpoints(parse(name)) == (saved,)
            await put(backend, name, CHANGED)
            await checkpoints.create_checkpoint(parse(name))
            await put(backend, name, body)
            (latest,) = await checkpoints.list_checkpoints(parse(name))
            await checkpoints.restore_checkpoint(parse(name), latest.id)
            assert b"changed" in await body_of(backend, name)

    async def test_checkpoints_come_oldest_first(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        for body in (NOTEBOOK, CHANGED):
            await put(backend, "a.ipynb", body)
            latest = await checkpoints.create_checkpoint(parse("a.ipynb"))
        listed = await checkpoints.list_checkpoints(parse("a.ipynb"))
        assert listed[-1] == latest
        assert list(listed) == sorted(listed, key=lambda each: each.modified)

    async def test_restoring_brings_the_saved_bytes_back(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        for name, old, new in (("a.ipynb", NOTEBOOK, CHANGED), ("a.txt", b"one\n", b"two\n")):
            await put(backend, name, old)
            before = await body_of(backend, name)
            saved = await checkpoints.create_checkpoint(parse(name))
            await put(backend, name, new)
            await checkpoints.restore_checkpoint(parse(name), saved.id)
            assert await body_of(backend, name) == before

    async def test_a_checkpoint_is_in_no_listing(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        await put(backend, "folder/a.ipynb", NOTEBOOK)
        await checkpoints.create_checkpoint(parse("folder/a.ipynb"))
        assert await names(backend, "folder") == ["a.ipynb"]
        assert await names(backend) == ["folder"]

    async def test_a_deleted_checkpoint_is_forgotten(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        await put(backend, "a.ipynb", NOTEBOOK)
        saved = await checkpoints.create_checkpoint(parse("a.ipynb"))
        await checkpoints.delete_checkpoint(parse("a.ipynb"), saved.id)
        assert await checkpoints.list_checkpoints(parse("a.ipynb")) == ()
        await refused(checkpoints.restore_checkpoint(parse("a.ipynb"), saved.id), Code.NOT_FOUND)

    async def test_an_unknown_checkpoint_is_not_found(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        await put(backend, "a.ipynb", NOTEBOOK)
        await checkpoints.create_checkpoint(parse("a.ipynb"))
        for path in (parse("a.ipynb"), parse("missing.ipynb")):
            await refused(checkpoints.restore_checkpoint(path, "unknown-1"), Code.NOT_FOUND)
            await refused(checkpoints.delete_checkpoint(path, "unknown-1"), Code.NOT_FOUND)

    async def test_only_files_have_checkpoints(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        await put(backend, "folder/a.txt")
        await refused(checkpoints.create_checkpoint(parse("missing.ipynb")), Code.NOT_FOUND)
        await refused(checkpoints.create_checkpoint(parse("folder")), Code.INVALID)
        assert await checkpoints.list_checkpoints(parse("missing.ipynb")) == ()
        assert await checkpoints.list_checkpoints(parse("missing/a.ipynb")) == ()
        assert await checkpoints.list_checkpoints(parse("folder")) == ()

    async def test_a_deleted_file_takes_its_checkpoints(self, backend: Backend) -> None:
        checkpoints: SupportsCheckpoints = keeper(backend)
        await put(backend, "a.txt")
        await checkpoints.create_checkpoint(parse("a.txt"))
        await backend.delete(parse("a.txt"))
        assert await checkpoints.list_checkpoints(parse("a.txt")) == ()
        await put(backend, "a.txt", b"two\n")
        assert await checkpoints.list_checkpoints(parse("a.txt")) == ()
