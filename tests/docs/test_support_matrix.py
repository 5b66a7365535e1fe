"""The support matrix is what the backends declare, and real backends are what the matrix says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.contents.backend import Backend, Capability
from gateway.demo.s3 import S3Server
from gateway.registry import FACTORIES, create_backend
from gateway.sections import AnyMount
from gateway.settings import load_settings
from gateway.wire.client import UpstreamClient, open_session
from tests.fakes.jupyter import JupyterServer
from tests.matrix.stores import STORES, Servers
from tools.support_matrix import ATOMIC, CHECKED, FILE, PROBED, TITLES, declared, matrix

CONDITIONS = {"conditional write": Capability.CONDITIONAL_WRITE, "conditional delete": Capability.CONDITIONAL_DELETE}


def cells(row: str) -> dict[str, str]:
    """The written cells of one row, by kind of backend."""
    found = [line for line in FILE.read_text().splitlines() if line.startswith(f"| {row} |")]
    assert len(found) == 1, row
    return dict(zip(TITLES, (cell.strip() for cell in found[0].strip("|").split("|")[1:]), strict=True))


async def probed(section: dict[str, object]) -> Backend:
    """The backend of a mount section, as it is once its store has been reached."""
    mount: AnyMount = load_settings(None, {"mounts": [{"name": "here", **section}]}).mounts[0]
    async with open_session() as session:
        backend = create_backend(mount.kind, UpstreamClient(session, max_body_bytes=1 << 20), mount.options())
        try:
            await backend.probe()
        finally:
            await backend.aclose()
    return backend


async def test_the_document_is_what_make_docs_would_write() -> None:
    assert FILE.read_text() == matrix(await declared()), "run: make docs"


async def test_every_kind_of_backend_has_a_column() -> None:
    backends = await declared()
    assert set(backends) == set(FACTORIES) == set(TITLES)


@pytest.mark.parametrize("kind", STORES)
async def test_a_real_backend_is_as_declared(
    kind: str, tmp_path: Path, s3_server: S3Server, jupyter_server: JupyterServer
) -> None:
    before = (await declared())[kind]
    async with STORES[kind](Servers(s3_server, jupyter_server), tmp_path) as section:
        backend = await probed(section)
    assert before.backend.capabilities <= backend.capabilities <= before.backend.capabilities | before.learned
    assert type(backend) is type(before.backend)


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("row", CONDITIONS)
async def test_a_condition_is_called_atomic_only_where_a_real_store_keeps_it(
    kind: str, row: str, tmp_path: Path, s3_server: S3Server, jupyter_server: JupyterServer
) -> None:
    async with STORES[kind](Servers(s3_server, jupyter_server), tmp_path) as section:
        backend = await probed(section)
    expected = {ATOMIC, PROBED} if CONDITIONS[row] in backend.capabilities else {CHECKED, PROBED}
    assert cells(row)[kind] in expected


async def test_the_matrix_speaks_of_every_capability() -> None:
    """Taking a capability from a backend that has them all changes the document."""

    class Pretending:
        def __init__(self, capabilities: frozenset[Capability]) -> None:
            self.capabilities = capabilities

    whole = (await declared())["nx1"]
    everything = frozenset(Capability)

    def written(capabilities: frozenset[Capability]) -> str:
        return matrix({"nx1": type(whole)(Pretending(capabilities), frozenset())})  # type: ignore[arg-type]  # only what it declares is read

    silent = [each for each in Capability if written(everything) == written(everything - {each})]
    assert silent == []
