"""Sessions keep to the mount that their folder leads into."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.contents.compute import SessionChange
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import ETag, Matches, MatchesAny
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code
from gateway.contents.sessions import Sessions
from tests.contents.stand import ADA, parse
from tests.contract.steps import refused
from tests.fakes.kernels import LocalBackendWithKernels


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackendWithKernels:
    (tmp_path / "root").mkdir()
    return LocalBackendWithKernels(tmp_path / "root")


@pytest.fixture
def sessions(backend: LocalBackendWithKernels, tmp_path: Path) -> Sessions:
    (tmp_path / "extra").mkdir()
    extra = Mount("extra", LocalBackendWithKernels(tmp_path / "extra"))
    return Sessions(Mounts([Mount("root", backend, is_root=True), extra]), ProcessLocks())


async def test_a_path_in_another_mount_is_not_run_here(sessions: Sessions, backend: LocalBackendWithKernels) -> None:
    wanted = SessionChange(path=parse("extra/a.ipynb"), kind="notebook")
    await refused(sessions.start(ADA, ContentPath.ROOT, wanted), Code.INVALID)
    session = await sessions.start(ADA, ContentPath.ROOT, SessionChange(path=parse("a.ipynb")))
    await refused(sessions.change(ADA, ContentPath.ROOT, session.id, wanted), Code.INVALID)
    assert [each.path for each in backend.sessions.values()] == [parse("a.ipynb")]


async def test_a_session_is_changed_only_under_its_etag(sessions: Sessions) -> None:
    session = await sessions.start(ADA, ContentPath.ROOT, SessionChange(path=parse("a.ipynb")))
    change = SessionChange(name="b")
    await refused(sessions.change(ADA, ContentPath.ROOT, session.id, change, Matches(ETag("old"))), Code.PRECONDITION)
    changed = await sessions.change(ADA, ContentPath.ROOT, session.id, change, MatchesAny())
    assert (changed.name, changed.path) == ("b", parse("a.ipynb"))
    assert session.etag is not None
    await refused(sessions.end(ADA, ContentPath.ROOT, session.id, Matches(session.etag)), Code.PRECONDITION)
    await sessions.end(ADA, ContentPath.ROOT, session.id)
    await refused(sessions.get(ADA, ContentPath.ROOT, session.id), Code.NOT_FOUND)
