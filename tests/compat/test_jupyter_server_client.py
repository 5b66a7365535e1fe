"""The REST client ``jupyter-server-client``, whose models refuse what is missing or of another type."""

from __future__ import annotations

import asyncio
import json

import pytest
from jupyter_server_client import JupyterServerClient, NotFoundError  # type: ignore[import-untyped]  # ships without types

from tests.compat.places import Place, new_place
from tests.gateways import NOTEBOOK, USER, Clients

pytestmark = pytest.mark.asyncio(loop_scope="session")


def client_of(place: Place) -> JupyterServerClient:
    return JupyterServerClient(place.url, place.token)


def live_through_contents(place: Place) -> None:
    with client_of(place) as client:
        contents, folder = client.contents, place.folder
        contents.create_directory(f"{folder}/ñ #%2f")
        contents.create_notebook(f"{folder}/a.ipynb", json.loads(NOTEBOOK))
        contents.create_file(f"{folder}/a.txt", "one\n")
        assert {each.name: each.type for each in contents.list_directory(folder)} == {
            "ñ #%2f": "directory",
            "a.ipynb": "notebook",
            "a.txt": "file",
        }
        made = contents.create_checkpoint(f"{folder}/a.txt")
        contents.save_file(f"{folder}/a.txt", "two\n")
        assert contents.list_checkpoints(f"{folder}/a.txt") == [made]
        contents.restore_checkpoint(f"{folder}/a.txt", made["id"])
        assert contents.get(f"{folder}/a.txt").content == "one\n"
        contents.delete_checkpoint(f"{folder}/a.txt", made["id"])
        moved = contents.rename(f"{folder}/a.ipynb", f"{folder}/ñ #%2f/b.ipynb")
        copied = contents.copy_file(moved.path, f"{folder}/c.ipynb")
        hashes = [contents.get(each.path, content=False, hash_content=True).hash for each in (moved, copied)]
        assert hashes[0] == hashes[1] is not None
        assert contents.create_untitled(folder, "file", ".py").name == "untitled.py"
        for path in (moved.path, moved.path.removesuffix("/b.ipynb"), copied.path):
            contents.delete(path)
        with pytest.raises(NotFoundError):
            contents.get(copied.path)
        assert sorted(each.name for each in contents.list_directory(folder)) == ["a.txt", "untitled.py"]


def live_through_a_session(place: Place) -> None:
    path, other = f"{place.folder}/a.ipynb", f"{place.folder}/b.ipynb"
    with client_of(place) as client:
        client.contents.create_notebook(path)
        spec = client.kernelspecs.get_kernelspec(client.kernelspecs.get_default_kernelspec_name())
        session = client.sessions.create_session(path, {"name": spec.name}, name="a.ipynb")
        assert (session.path, session.kernel.name) == (path, spec.name)
        assert session.id in [each.id for each in client.sessions.list_sessions()]
        assert client.sessions.rename_session(session.id, other).path == other
        assert client.sessions.get_session(session.id).path == other
        kernel = client.kernels.get_kernel(session.kernel.id)
        assert kernel.id in [each.id for each in client.kernels.list_kernels()]
        client.sessions.delete_session(session.id)
        with pytest.raises(NotFoundError):
            client.kernels.get_kernel(kernel.id)


def live_through_a_terminal(place: Place) -> None:
    with client_of(place) as client:
        terminal = client.terminals.create_terminal()
        assert client.terminals.get_terminal(terminal.name).name == terminal.name
        assert terminal.name in [each.name for each in client.terminals.list_terminals()]
        client.terminals.delete_terminal(terminal.name)
        with pytest.raises(NotFoundError):
            client.terminals.get_terminal(terminal.name)


def ask_about_the_server(place: Place) -> None:
    with client_of(place) as client:
        assert client.get_version().version
        assert client.get_status().started is not None
        assert client.get_identity({"contents": ["read"]}).username == USER
        assert "swagger" in client.get_api_spec()


@pytest.mark.parametrize("store", ["nx1", "local"])
async def test_contents(notebooks: Clients, store: str) -> None:
    await asyncio.to_thread(live_through_contents, await new_place(notebooks, store))


async def test_a_session_and_its_kernel(notebooks: Clients) -> None:
    await asyncio.to_thread(live_through_a_session, await new_place(notebooks, "nx1"))


async def test_a_terminal(notebooks: Clients) -> None:
    await asyncio.to_thread(live_through_a_terminal, await new_place(notebooks, "local"))


async def test_the_server(notebooks: Clients) -> None:
    await asyncio.to_thread(ask_about_the_server, await new_place(notebooks, "local"))
