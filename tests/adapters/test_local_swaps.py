"""The local folder while names in it become something else, right between the look and the use."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adapters.local.backend import LocalBackend
from gateway.contents.problem import Code
from tests.contract.steps import body_of, parse, put, refused


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"secret")
    return folder


@pytest.fixture
async def backend(root: Path) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(root)
    yield backend
    await backend.aclose()


def there(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def swapping(backend: LocalBackend, root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``root/folder`` becomes a symlink to outside right before anything in it, or itself, is opened."""
    (root / "folder").mkdir()
    (root / "folder" / "secret.txt").write_bytes(b"harmless")
    real_open = os.open

    def swap_and_open(path: str | Path, *arguments: int, **options: int | None) -> int:
        if Path(path).is_relative_to(root / "folder") and not (root / "folder").is_symlink():
            (root / "folder").rename(root / "before")
            (root / "folder").symlink_to(outside)
        return real_open(path, *arguments, **options)  # type: ignore[arg-type]  # typeshed wants each spelt out

    monkeypatch.setattr(os, "open", swap_and_open)


READS: dict[str, Callable[[LocalBackend], Awaitable[object]]] = {
    "stat": lambda backend: backend.stat(parse("folder/secret.txt")),
    "read": lambda backend: backend.read(parse("folder/secret.txt")),
    "list": lambda backend: backend.list(parse("folder")),
}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not tell where an open file stands")
@pytest.mark.usefixtures("swapping")
@pytest.mark.parametrize("name", READS)
async def test_a_symlink_made_after_the_look_shows_nothing_of_outside(
    backend: LocalBackend, root: Path, name: str
) -> None:
    await refused(READS[name](backend), Code.NOT_FOUND)
    assert (root / "folder").is_symlink()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not tell where an open file stands")
@pytest.mark.usefixtures("swapping")
@pytest.mark.parametrize("name", ["secret.txt", "new.txt"])
async def test_a_symlink_made_after_the_look_takes_no_write_outside(
    backend: LocalBackend, root: Path, outside: Path, name: str
) -> None:
    await refused(backend.write(parse(f"folder/{name}"), b"overwritten"), Code.NOT_FOUND)
    assert (root / "folder").is_symlink()
    assert there(outside) == ["secret.txt"]
    assert (outside / "secret.txt").read_bytes() == b"secret"


CHANGES: dict[str, Callable[[LocalBackend], Awaitable[object]]] = {
    "delete": lambda backend: backend.delete(parse("folder/secret.txt")),
    "make directory": lambda backend: backend.make_directory(parse("folder/new")),
    "move in": lambda backend: backend.move(parse("a.txt"), parse("folder/new.txt")),
    "move out": lambda backend: backend.move(parse("folder/secret.txt"), parse("b.txt")),
}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not tell where an open file stands")
@pytest.mark.usefixtures("swapping")
@pytest.mark.parametrize("name", CHANGES)
async def test_a_symlink_made_after_the_look_changes_nothing_outside(
    backend: LocalBackend, root: Path, outside: Path, name: str
) -> None:
    await put(backend, "a.txt")
    await refused(CHANGES[name](backend), Code.NOT_FOUND)
    assert (root / "folder").is_symlink()
    assert there(outside) == ["secret.txt"]
    assert (root / "a.txt").exists()


async def test_a_file_that_is_replaced_or_deleted_while_open_is_still_read(
    backend: LocalBackend, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(backend, "a.txt")
    real_open = os.open

    def open_and_delete(path: str | Path, *arguments: int, **options: int | None) -> int:
        descriptor = real_open(path, *arguments, **options)  # type: ignore[arg-type]  # typeshed wants each spelt out
        Path(path).unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_delete)
    assert await body_of(backend, "a.txt") == b"one\n"
