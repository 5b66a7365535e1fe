"""Sessions and their kernels, on backends that have them."""

from __future__ import annotations

from typing import ClassVar

import pytest

from gateway.contents.backend import Backend, SupportsSessions
from gateway.contents.compute import Lifecycle, Session, SessionChange
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code
from tests.contract.steps import refused

PATH = ContentPath.parse("running.ipynb")
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def sessions_of(backend: Backend) -> SupportsSessions:
    if not isinstance(backend, SupportsSessions):
        pytest.skip("the backend lacks sessions")
    return backend


def facts(session: Session) -> tuple[str, ContentPath, str, str]:
    return session.id, session.path, session.name, session.kind


class SessionContract:
    """``cluster`` is one that the store knows, where it has clusters; ``names_kernels`` is whether it knows kernels by
    name before they run."""

    cluster: ClassVar[str | None] = None
    names_kernels: ClassVar[bool] = True

    async def _started(self, backend: Backend, path: ContentPath = PATH) -> tuple[SupportsSessions, Session]:
        compute = sessions_of(backend)
        wanted = SessionChange(path=path, name=path.name, kind="notebook", cluster=self.cluster)
        return compute, await compute.start_session(wanted)

    async def test_a_session_is_found_alone_and_in_the_list_until_it_ends(self, backend: Backend) -> None:
        compute, started = await self._started(backend)
        assert facts(started)[1:] == (PATH, "running.ipynb", "notebook")
        assert started.etag
        found = await compute.read_session(started.id)
        assert (facts(found), found.etag) == (facts(started), started.etag)
        assert [facts(each) for each in await compute.list_sessions()] == [facts(started)]
        await compute.end_session(started.id)
        assert await compute.list_sessions() == ()
        await refused(compute.read_session(started.id), Code.NOT_FOUND)

    async def test_a_kernel_comes_with_the_session_or_soon_after(self, backend: Backend) -> None:
        compute, session = await self._started(backend)
        for _ in range(20):
            if session.lifecycle is Lifecycle.ACTIVE:
                break
            session = await compute.read_session(session.id)
        assert session.kernel is not None
        assert session.kernel.id
        assert session.kernel.name
        await compute.end_session(session.id)

    async def test_a_path_has_one_session(self, backend: Backend) -> None:
        compute, first = await self._started(backend)
        _, again = await self._started(backend)
        assert again.id == first.id
        _, other = await self._started(backend, ContentPath.parse("other.ipynb"))
        assert other.id != first.id
        for session in (first, other):
            await compute.end_session(session.id)

    async def test_a_session_follows_its_file(self, backend: Backend) -> None:
        compute, started = await self._started(backend)
        target = ContentPath.parse("renamed.ipynb")
        moved = await compute.change_session(started.id, SessionChange(path=target, name="renamed.ipynb"))
        assert facts(moved) == (started.id, target, "renamed.ipynb", "notebook")
        assert moved.etag != started.etag
        assert facts(await compute.read_session(started.id)) == facts(moved)
        await compute.end_session(started.id)

    async def test_an_unknown_session_is_not_found(self, backend: Backend) -> None:
        compute = sessions_of(backend)
        await refused(compute.read_session(UNKNOWN), Code.NOT_FOUND)
        await refused(compute.read_session("../contents"), Code.NOT_FOUND)
        await refused(compute.change_session(UNKNOWN, SessionChange(name="x")), Code.NOT_FOUND)
        await refused(compute.end_session(UNKNOWN), Code.NOT_FOUND)

    async def test_an_unknown_kernel_is_refused_and_starts_nothing(self, backend: Backend) -> None:
        compute = sessions_of(backend)
        if not self.names_kernels:
            pytest.skip("the store tells of an unknown kernel only when it runs")
        wanted = SessionChange(path=PATH, kind="notebook", kernel_name="no-such-kernel", cluster=self.cluster)
        await refused(compute.start_session(wanted), Code.INVALID)
        assert await compute.list_sessions() == ()
