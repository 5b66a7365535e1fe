"""What golden vectors are made of: a small world, a request to it, and the whole answer with ids and dates named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from gateway.contents.model import Caller, sha256_hex
from tests.dialects.nx1.driving import ADA, Answer, Nx1, notebook

DATE = "<date>"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
KEY = "home/ada/a.ipynb"
NOTEBOOK = notebook("# ü")

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


@dataclass(frozen=True, slots=True)
class Vector:
    """``{app}``, ``{version}``, ``{hand_app}``, ``{hand_version}``, ``{unknown}`` stand for ids, also in ``body``.

    Any other id in the answer is ``<new>``. ``given`` is sent first and must succeed.
    """

    name: str
    method: str
    target: str
    status: int
    body: object
    sent: object = None
    caller: Caller = ADA
    headers: Mapping[str, str] = field(default_factory=dict)
    given: tuple[tuple[str, str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """A notebook, an app that takes one and an app that does not, with one version each."""

    nx1: Nx1
    ids: Mapping[str, str]

    async def send(self, method: str, target: str, sent: object) -> Answer:
        spelled = target.format(**self.ids)
        if sent is None:
            return await self.nx1.send(method, spelled)
        return await self.nx1.json(method, spelled, sent)

    def named(self, value: Any) -> Any:
        """The same JSON with ids and dates replaced by their names."""
        match value:
            case dict():
                return {name: self.named(each) for name, each in value.items()}
            case list():
                return [self.named(each) for each in value]
            case str() if _DATE.fullmatch(value):
                return DATE
            case str() if _is_id(value):
                return next((f"{{{name}}}" for name, id_ in self.ids.items() if id_ == value), "<new>")
        return value


async def make_world(nx1: Nx1) -> World:
    nx1.store(KEY, NOTEBOOK)
    ids = {"unknown": UNKNOWN}
    for prefix, type_ in (("", "notebook_pipeline"), ("hand_", "hand_authored")):
        app = (await nx1.json("POST", "/api/app", {"app_name": f"{prefix}app", "app_type": type_})).json()
        made = await nx1.json("POST", f"/api/app/{app['id']}/versions", {"version_name": "1.0"})
        ids |= {f"{prefix}app": app["id"], f"{prefix}version": made.json()["id"]}
    return World(nx1, ids)


async def hold(vector: Vector, nx1: Nx1) -> None:
    """Send what is given, then the request, and compare the whole answer."""
    world = await make_world(nx1)
    for method, target, sent in vector.given:
        done = await world.send(method, target, sent)
        assert done.status == 200, done.body
    nx1.caller = vector.caller
    answer = await world.send(vector.method, vector.target, vector.sent)
    assert (answer.status, world.named(answer.json())) == (vector.status, vector.body)
    assert {name: answer.headers.get(name) for name in vector.headers} == vector.headers
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def app(name: str = "app", type_: str = "notebook_pipeline", **more: object) -> dict[str, object]:
    """An app as it is told after its creation."""
    return {**created_app("{" + name + "}", name, type_), "updated_by": None, "updated_date": None} | more


def created_app(id_: str, name: str, type_: str) -> dict[str, object]:
    return {"id": id_, "app_name": name, "app_type": type_, "created_by": "ada", "created_date": DATE}


def version(
    name: str = "1.0", status: str = "inactive", *, id_: str = "{version}", **more: object
) -> dict[str, object]:
    model = {"id": id_, "app_id": "{app}", "version_name": name, "status": status, "created_by": "ada"}
    return model | {"created_date": DATE, "updated_by": None, "updated_date": None} | more


def component(**more: object) -> dict[str, object]:
    """The notebook reference of ``{version}``."""
    digest = sha256_hex(NOTEBOOK)
    pointer = {"s3_key": KEY, "sha256": digest, "size_bytes": len(NOTEBOOK), "etag": digest}
    model = {"id": "<new>", "app_version_id": "{version}", "component_type": "notebook"}
    model |= {"properties_json": json.dumps(pointer, separators=(",", ":")), "created_by": "ada", "created_date": DATE}
    return model | {"updated_by": None, "updated_date": None} | more


def summary(key: str, size: int) -> dict[str, object]:
    return {"s3_key": key, "owner": "ada", "size_bytes": size, "last_modified": DATE}


def refusal(status: int, error: str, *faults: tuple[str, list[str], str]) -> dict[str, object]:
    body: dict[str, object] = {"error": error, "code": status}
    if faults:
        body["detail"] = [{"type": kind, "loc": location, "msg": message} for kind, location, message in faults]
    return body


def _is_id(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
