"""One revision is told alike by every look at it: JupyterLab takes another date or hash for somebody else's change."""

from __future__ import annotations

from gateway.contents.backend import Backend
from gateway.contents.model import Entry, sha256_hex
from tests.contract.steps import NOTEBOOK, copier, keeper, mover, parse, put

FILES = (("top/a.txt", b"one\n"), ("top/a.ipynb", NOTEBOOK), ("top/empty.bin", b""))


async def told_alike(backend: Backend, entry: Entry) -> None:
    """Look at the file in every way, twice, and compare with what was told of it."""
    for _ in range(2):
        document = await backend.read(entry.path)
        (listed,) = [each for each in (await backend.list(entry.path.parent)).entries if each.path == entry.path]
        digest = sha256_hex(document.body)
        for look in (document.entry, listed, await backend.stat(entry.path)):
            assert (look.modified, look.kind) == (entry.modified, entry.kind)
            assert look.sha256 in (None, digest)
            assert look.etag in ((None, entry.etag) if look is listed else (entry.etag,))
        assert entry.sha256 in (None, digest)
        assert entry.size in (None, len(document.body))


class StabilityContract:
    """What is true of dates, etags and digests after every change."""

    async def test_a_written_file_is_told_alike_by_every_look(self, backend: Backend) -> None:
        for name, body in FILES:
            await told_alike(backend, (await put(backend, name, body)).entry)

    async def test_a_file_written_again_is_told_alike_by_every_look(self, backend: Backend) -> None:
        for name, body in FILES:
            await put(backend, name, NOTEBOOK.replace(b"second", b"earlier"))
            await told_alike(backend, (await put(backend, name, body)).entry)
            await told_alike(backend, (await put(backend, name, body)).entry)

    async def test_a_copy_is_told_alike_by_every_look(self, backend: Backend) -> None:
        copy = copier(backend).copy
        for name, body in FILES:
            source = (await put(backend, name, body)).entry
            await told_alike(backend, (await copy(parse(name), parse(f"{name}.copy"))).entry)
            await told_alike(backend, source)

    async def test_a_moved_file_is_told_alike_by_every_look(self, backend: Backend) -> None:
        move = mover(backend).move
        for name, body in FILES:
            await put(backend, name, body)
            await told_alike(backend, await move(parse(name), parse(f"top/moved {parse(name).name}")))

    async def test_a_file_in_a_moved_directory_is_told_alike_by_every_look(self, backend: Backend) -> None:
        move = mover(backend).move
        for name, body in FILES:
            await put(backend, name, body)
        await move(parse("top"), parse("moved"))
        for name, _ in FILES:
            await told_alike(backend, await backend.stat(parse(name.replace("top", "moved"))))

    async def test_a_restored_file_is_told_alike_by_every_look(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        for name, body in FILES:
            before = (await put(backend, name, body)).entry
            saved = await checkpoints.create_checkpoint(before.path)
            await told_alike(backend, before)
            await put(backend, name, b'{"changed": true}')
            await checkpoints.restore_checkpoint(before.path, saved.id)
            restored = await backend.stat(before.path)
            assert (restored.etag, restored.size) == (before.etag, before.size)
            await told_alike(backend, restored)

    async def test_what_is_there_already_stays_as_it_is_when_it_is_restored(self, backend: Backend) -> None:
        checkpoints = keeper(backend)
        for name, body in FILES:
            entry = (await put(backend, name, body)).entry
            saved = await checkpoints.create_checkpoint(entry.path)
            await checkpoints.restore_checkpoint(entry.path, saved.id)
            await told_alike(backend, entry)
