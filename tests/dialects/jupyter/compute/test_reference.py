"""The same requests to the gateway and to the Jupyter server behind it: one status, one body, one set of headers.

``BETTER`` says where they part on purpose, and why; a case that is in it and does not part fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.dialects.jupyter.compute.steps import ADA, computing
from tests.dialects.jupyter.compute.upstreams import UNKNOWN_ID, jupyter_mount
from tests.dialects.jupyter.driving import Answer, Ask, Server
from tests.fakes.jupyter import JupyterServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

KERNEL = Ask("POST", "/api/kernels", {"name": "python3"})
SESSION = Ask("POST", "/api/sessions", {"path": "r/n.ipynb", "type": "notebook", "name": "n.ipynb", "kernel": {}})
CONSOLE = Ask("POST", "/api/sessions", {"path": "r/console-1", "type": "console", "name": "c", "kernel": {}})
TERMINAL = Ask("POST", "/api/terminals", {"name": "ref"})
CHOSEN_ID = "11111111-2222-4333-8444-555555555555"

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COMPARED = ("Content-Type", "Location", "Cache-Control", "Content-Disposition")
_LIVELY = frozenset({"execution_state", "connections", "reason"})
"""What a kernel is just doing."""


@dataclass(frozen=True, slots=True)
class Case:
    """``{k}``, ``{s}`` and ``{sk}`` in path and body stand for the ids of what ``given`` started: a kernel, a session,
    a session's kernel."""

    name: str
    ask: Ask
    given: tuple[Ask, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def kernels(method: str, path: str = "", body: object = None) -> Ask:
    return Ask(method, f"/api/kernels{path}", body)


def sessions(method: str, path: str = "", body: object = None) -> Ask:
    return Ask(method, f"/api/sessions{path}", body)


def terminals(method: str, path: str = "", body: object = None) -> Ask:
    return Ask(method, f"/api/terminals{path}", body)


def started(**fields: object) -> Ask:
    return sessions("POST", "", {"path": "r/x.ipynb", "type": "notebook", "name": "x.ipynb", **fields})


CASES = [
    Case("kernels_none", kernels("GET")),
    Case("kernels_one", kernels("GET"), (KERNEL,)),
    Case("kernels_of_session", kernels("GET"), (SESSION,)),
    Case("kernel_started", KERNEL),
    Case("kernel_started_unnamed", kernels("POST", "", {})),
    Case("kernel_started_without_body", kernels("POST")),
    Case("kernel_started_null", kernels("POST", "", b"null")),
    Case("kernel_started_with_path", kernels("POST", "", {"name": "python3", "path": "none/at/all.ipynb"})),
    Case("kernel_started_with_id", kernels("POST", "", {"kernel_id": CHOSEN_ID})),
    Case("kernel_started_with_more", kernels("POST", "", {"env": {"X": "1"}, "unknown": [1]})),
    Case("kernel_started_bad_json", kernels("POST", "", b"{")),
    Case("kernel_started_unknown", kernels("POST", "", {"name": "no-such"})),
    Case("kernel_started_broken", kernels("POST", "", {"name": "broken"})),
    Case("kernel_started_bad_type", kernels("POST", "", {"name": 1})),
    Case("kernel_shown", kernels("GET", "/{k}"), (KERNEL,)),
    Case("kernel_shown_unknown", kernels("GET", f"/{UNKNOWN_ID}")),
    Case("kernel_shown_misshapen", kernels("GET", "/none")),
    Case("kernel_ended", kernels("DELETE", "/{k}"), (KERNEL,)),
    Case("kernel_ended_unknown", kernels("DELETE", f"/{UNKNOWN_ID}")),
    Case("kernel_interrupted", kernels("POST", "/{k}/interrupt"), (KERNEL,)),
    Case("kernel_interrupted_unknown", kernels("POST", f"/{UNKNOWN_ID}/interrupt")),
    Case("kernel_restarted", kernels("POST", "/{k}/restart"), (KERNEL,)),
    Case("kernel_restarted_unknown", kernels("POST", f"/{UNKNOWN_ID}/restart")),
    Case("kernel_put", kernels("PUT", "/{k}", {}), (KERNEL,)),
    Case("kernels_options", kernels("OPTIONS")),
    Case("channels_without_upgrade", kernels("GET", "/{k}/channels"), (KERNEL,)),
    Case("specs", Ask("GET", "/api/kernelspecs")),
    Case("spec", Ask("GET", "/api/kernelspecs/broken")),
    Case("spec_unknown", Ask("GET", "/api/kernelspecs/none")),
    Case("spec_logo", Ask("GET", "/kernelspecs/broken/logo-64x64.png")),
    Case("spec_logo_head", Ask("HEAD", "/kernelspecs/broken/logo-64x64.png")),
    Case("spec_logo_unknown", Ask("GET", "/kernelspecs/broken/none.png")),
    Case("sessions_none", sessions("GET")),
    Case("sessions_two", sessions("GET"), (SESSION, CONSOLE)),
    Case("session_started", SESSION),
    Case("session_started_again", SESSION, (SESSION,)),
    Case("session_started_console", CONSOLE),
    Case("session_started_without_kernel", sessions("POST", "", {"path": "r/f.py", "type": "file"})),
    Case("session_started_null_name", started(name=None)),
    Case("session_started_on_kernel", started(kernel={"id": "{k}"}), (KERNEL,)),
    Case("session_started_on_new_kernel", started(kernel={"id": CHOSEN_ID})),
    Case("session_started_odd_path", started(path="r/é %41#?&;+.ipynb")),
    Case("session_started_with_more", started(unknown={"a": [1]})),
    Case("session_started_unknown", started(kernel={"name": "no-such"})),
    Case("session_started_broken", started(kernel={"name": "broken"})),
    Case("session_started_without_path", sessions("POST", "", {"type": "notebook"})),
    Case("session_started_without_type", sessions("POST", "", {"path": "r/x"})),
    Case("session_started_without_body", sessions("POST")),
    Case("session_started_bad_json", sessions("POST", "", b"{")),
    Case("session_started_null_kernel", started(kernel=None)),
    Case("session_started_old_form", sessions("POST", "", {"notebook": {"path": "r/old.ipynb"}, "name": "old"})),
    Case("session_started_outside", started(path="../x.ipynb")),
    Case("session_shown", sessions("GET", "/{s}"), (SESSION,)),
    Case("session_shown_unknown", sessions("GET", f"/{UNKNOWN_ID}")),
    Case("session_shown_misshapen", sessions("GET", "/none")),
    Case("session_renamed", sessions("PATCH", "/{s}", {"path": "r/m.ipynb", "name": "m.ipynb"}), (SESSION,)),
    Case("session_renamed_old_form", sessions("PATCH", "/{s}", {"notebook": {"path": "r/m.ipynb"}}), (SESSION,)),
    Case("session_retyped", sessions("PATCH", "/{s}", {"type": "file"}), (SESSION,)),
    Case("session_on_new_kernel", sessions("PATCH", "/{s}", {"kernel": {"name": "python3"}}), (SESSION,)),
    Case("session_on_other_kernel", sessions("PATCH", "/{s}", {"kernel": {"id": "{k}"}}), (KERNEL, SESSION)),
    Case("session_on_unknown_kernel", sessions("PATCH", "/{s}", {"kernel": {"id": UNKNOWN_ID}}), (SESSION,)),
    Case("session_on_unknown_name", sessions("PATCH", "/{s}", {"kernel": {"name": "no-such"}}), (SESSION,)),
    Case("session_unchanged", sessions("PATCH", "/{s}", {}), (SESSION,)),
    Case("session_changed_without_body", sessions("PATCH", "/{s}"), (SESSION,)),
    Case("session_changed_unknown", sessions("PATCH", f"/{UNKNOWN_ID}", {"path": "r/x"})),
    Case("session_ended", sessions("DELETE", "/{s}"), (SESSION,)),
    Case("session_ended_unknown", sessions("DELETE", f"/{UNKNOWN_ID}")),
    Case("session_ended_after_its_kernel", sessions("DELETE", "/{s}"), (SESSION, kernels("DELETE", "/{sk}"))),
    Case("terminals_none", terminals("GET")),
    Case("terminals_one", terminals("GET"), (TERMINAL,)),
    Case("terminal_started", TERMINAL),
    Case("terminal_started_again", TERMINAL, (TERMINAL,)),
    Case("terminal_started_nowhere", terminals("POST", "", {"name": "ref", "cwd": "no/such"})),
    Case("terminal_started_with_more", terminals("POST", "", {"name": "ref", "unknown": 1})),
    Case("terminal_shown", terminals("GET", "/ref"), (TERMINAL,)),
    Case("terminal_shown_unknown", terminals("GET", "/none")),
    Case("terminal_ended", terminals("DELETE", "/ref"), (TERMINAL,)),
    Case("terminal_ended_unknown", terminals("DELETE", "/none")),
    Case("terminal_put", terminals("PUT", "/ref", {}), (TERMINAL,)),
]

BETTER = {
    "kernel_started_unknown": "400: a client's mistake is no fault of the server",
    "kernel_started_bad_type": "400: a client's mistake is no fault of the server",
    "kernel_started_broken": "501 as of a session, instead of 500: another attempt would not help",
    "kernel_restarted_unknown": "404 instead of 500",
    "kernel_shown_misshapen": "404 in JSON instead of a page",
    "session_shown_misshapen": "404 in JSON instead of a page",
    "kernels_options": "200 with Allow, as everywhere in the dialect",
    "channels_without_upgrade": "400 in JSON instead of text",
    "spec_logo_unknown": "404 in JSON instead of a page",
    "session_started_null_kernel": "null is no kernel said, instead of 500",
    "session_started_broken": "501 as for one that is not there, instead of 500 with what the machine said of it",
    "session_started_outside": "400: no file of the gateway has such a path",
    "session_started_unknown": "the answer has reason beside short_message",
    "session_on_unknown_name": "the answer has reason beside short_message",
}


@dataclass(frozen=True, slots=True)
class Both:
    ours: Server
    theirs: Server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory, upstream: JupyterServer) -> AsyncIterator[Both]:
    mounts = [jupyter_mount("lab", upstream, root=True)]
    async with computing(tmp_path_factory.mktemp("gateway"), mounts) as compute:
        ours = Server(compute.session, compute.url, {"Authorization": f"token {ADA}"})
        yield Both(ours, Server(compute.session, upstream.url, {"Authorization": f"token {upstream.token}"}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_gateway_answers_as_the_server_does(case: Case, both: Both) -> None:
    ours, theirs = [_comparable(await _run(case, server)) for server in (both.ours, both.theirs)]
    if case.name in BETTER:
        assert ours != theirs, BETTER[case.name]
        assert ours["status"] < 500 or ours["status"] == 501
        return
    assert ours == theirs


async def _run(case: Case, server: Server) -> Answer:
    """On a server where nothing runs, before and after."""
    ids: dict[str, str] = {}
    try:
        for given in case.given:
            made = await server.send(_placed(given, ids))
            assert made.status in (200, 201, 204), made.body
            ids |= _ids(given, made)
        return await server.send(_placed(case.ask, ids))
    finally:
        await _ended(server)


async def _ended(server: Server) -> None:
    for resource, key in (("sessions", "id"), ("kernels", "id"), ("terminals", "name")):
        for each in (await server.send(Ask("GET", f"/api/{resource}"))).json():
            await server.send(Ask("DELETE", f"/api/{resource}/{each[key]}"))


def _ids(given: Ask, made: Answer) -> dict[str, str]:
    if not made.body:
        return {}
    model = made.json()
    if given.path == "/api/kernels":
        return {"k": model["id"]}
    return {"s": model["id"], "sk": model["kernel"]["id"]} if given.path == "/api/sessions" else {}


def _placed(asked: Ask, ids: Mapping[str, str]) -> Ask:
    path, body = asked.path, asked.body
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
        if isinstance(body, dict):
            body = json.loads(json.dumps(body).replace(f"{{{name}}}", value))
    return Ask(asked.method, path, body)


def _comparable(answer: Answer) -> dict[str, Any]:
    headers = {name: _ID.sub("{id}", answer.headers[name]) for name in _COMPARED if name in answer.headers}
    return {"status": answer.status, "headers": headers, "body": _body(answer)}


def _body(answer: Answer) -> Any:
    """JSON without what each side counts for itself or words its own way; anything else as it is."""
    try:
        value = answer.json()
    except ValueError:
        return answer.body
    if answer.status >= 400:
        return {name: bool(each) for name, each in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: name if name in _LIVELY else _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted((_plain(each) for each in value), key=json.dumps)
    return _ID.sub("{id}", _DATE.sub("{date}", value)) if isinstance(value, str) else value
