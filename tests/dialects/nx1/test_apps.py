"""Apps and versions (spec nx1 6.1 and 6.2; section 11, vector 17)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from gateway.contents.model import Caller, Credential
from tests.dialects.nx1.driving import BO, MANAGER, PLATFORM, Nx1

STAMPS = {"created_by", "created_date", "updated_by", "updated_date"}


async def test_created_app_is_whole_and_found_again(nx1: Nx1) -> None:
    made = await nx1.json("POST", "/api/app", {"app_name": "churn-1_A"})
    assert made.status == 200
    app = made.json()
    assert set(app) == {"id", "app_name", "app_type", "created_by", "created_date"}
    assert (app["app_name"], app["app_type"], app["created_by"]) == ("churn-1_A", "hand_authored", "ada")
    assert app["created_date"].endswith("Z")
    assert str(UUID(app["id"])) == app["id"]
    found = (await nx1.send("GET", f"/api/app/{app['id']}")).json()
    assert found == {**app, "updated_by": None, "updated_date": None}
    assert (await nx1.send("GET", "/api/app")).json() == [found]


async def test_taken_name_conflicts(nx1: Nx1) -> None:
    await nx1.json("POST", "/api/app", {"app_name": "a"})
    answer = await nx1.json("POST", "/api/app", {"app_name": "a", "app_type": "full_pipeline"})
    assert (answer.status, answer.json()["code"]) == (409, 409)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ü", "a.b", "n" * 129, "a\n"])
async def test_unsafe_app_name_is_refused(nx1: Nx1, name: str) -> None:
    answer = await nx1.json("POST", "/api/app", {"app_name": name})
    assert (answer.status, "detail" in answer.json()) == (400, False)


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (b"{}", ["body", "app_name"]),
        (b'{"app_name": 5}', ["body", "app_name"]),
        (b'{"app_name": "a", "app_type": "poem"}', ["body", "app_type"]),
        (b"{", ["body"]),
        (b"", ["body"]),
        (b"[]", ["body"]),
        (b"[" * 100_000, ["body"]),
        (b'{"app_name": "\xff"}', ["body"]),
        (b'{"app_name": "\\ud800"}', ["body"]),
        (b'\xef\xbb\xbf{"app_name": "a"}', ["body"]),
        (b'{"app_name": ' + b"9" * 5_000 + b"}", ["body", "app_name"]),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else "",
)
async def test_ill_shaped_body_fails_validation(nx1: Nx1, body: bytes, location: list[str]) -> None:
    answer = await nx1.send("POST", "/api/app", body)
    problem = answer.json()
    assert (answer.status, problem["code"]) == (422, 422)
    assert problem["error"]
    (fault,) = problem["detail"]
    assert set(fault) == {"type", "loc", "msg"}
    assert fault["loc"] == location


async def test_missing_field_is_named_as_fastapi_names_it(nx1: Nx1) -> None:
    problem = (await nx1.send("POST", "/api/app", b"{}")).json()
    assert problem["detail"] == [{"type": "missing", "loc": ["body", "app_name"], "msg": "Field required"}]


async def test_body_over_the_servers_limit_is_too_large(nx1: Nx1) -> None:
    answer = await nx1.send("POST", "/api/app", b" " * (1 << 20) + b'{"app_name": "a"}')
    assert (answer.status, answer.json()["code"]) == (413, 413)


async def test_extra_fields_are_ignored(nx1: Nx1) -> None:
    assert (await nx1.json("POST", "/api/app", {"app_name": "a", "colour": "red"})).status == 200


async def test_creating_an_app_needs_the_manager_role(nx1: Nx1) -> None:
    nx1.caller = BO
    assert (await nx1.json("POST", "/api/app", {"app_name": "a"})).status == 403


async def test_platform_key_may_do_everything_with_apps(nx1: Nx1) -> None:
    nx1.caller = PLATFORM
    app = (await nx1.json("POST", "/api/app", {"app_name": "a"})).json()
    assert app["created_by"] is None
    assert [each["id"] for each in (await nx1.send("GET", "/api/app")).json()] == [app["id"]]


async def test_apps_of_others_are_not_listed_and_forbidden(nx1: Nx1) -> None:
    version_id = await nx1.version(name="theirs")
    (app,) = (await nx1.send("GET", "/api/app")).json()
    nx1.caller = BO
    assert (await nx1.send("GET", "/api/app")).json() == []
    for method, target in (
        ("GET", f"/api/app/{app['id']}"),
        ("GET", f"/api/app/{app['id']}/versions"),
        ("PUT", f"/api/app/versions/{version_id}/activate"),
        ("GET", f"/api/app/versions/{version_id}/components"),
        ("GET", f"/api/app/versions/{version_id}/notebook"),
    ):
        assert (await nx1.send(method, target)).status == 403
    assert (await nx1.json("POST", f"/api/app/{app['id']}/versions", {"version_name": "2"})).status == 403


async def test_who_loses_the_manager_role_loses_the_apps_made_with_it(nx1: Nx1) -> None:
    nx1.caller = Caller("cy", Credential.JWT, MANAGER)
    version_id = await nx1.version(name="mine")
    nx1.caller = Caller("cy", Credential.JWT)
    assert (await nx1.send("GET", "/api/app")).json() == []
    assert (await nx1.send("PUT", f"/api/app/versions/{version_id}/activate")).status == 403


async def test_another_manager_sees_and_manages_every_app(nx1: Nx1) -> None:
    version_id = await nx1.version(name="theirs")
    nx1.caller = Caller("cy", Credential.PSK, MANAGER)
    assert [each["app_name"] for each in (await nx1.send("GET", "/api/app")).json()] == ["theirs"]
    activated = (await nx1.send("PUT", f"/api/app/versions/{version_id}/activate")).json()["activated_version"]
    assert (activated["created_by"], activated["updated_by"]) == ("ada", "cy")


async def test_apps_are_filtered_by_type(nx1: Nx1) -> None:
    await nx1.version("full_pipeline", name="full")
    await nx1.version("hand_authored", name="hand")
    listed = (await nx1.send("GET", "/api/app?app_type=full_pipeline")).json()
    assert [each["app_name"] for each in listed] == ["full"]
    wrong = await nx1.send("GET", "/api/app?app_type=poem")
    assert (wrong.status, wrong.json()["detail"][0]["loc"]) == (422, ["query", "app_type"])


@pytest.mark.parametrize("name", ["1.0", "v1.0.0", "4f9d3c2b1a0e4f9d3c2b1a0e4f9d3c2b1a0e4f9d"])
async def test_versions_carry_the_names_in_use(nx1: Nx1, name: str) -> None:
    app = (await nx1.json("POST", "/api/app", {"app_name": "a"})).json()
    made = await nx1.json("POST", f"/api/app/{app['id']}/versions", {"version_name": name})
    assert made.status == 200
    version = made.json()
    assert set(version) == {"id", "app_id", "version_name", "status", *STAMPS}
    assert (version["app_id"], version["version_name"], version["status"]) == (app["id"], name, "inactive")
    assert (await nx1.send("GET", f"/api/app/{app['id']}/versions")).json() == [version]
    again = await nx1.json("POST", f"/api/app/{app['id']}/versions", {"version_name": name})
    assert again.status == 409


@pytest.mark.parametrize("name", ["", ".", "..", "current", "a/b", "a b", "n" * 129])
async def test_unsafe_version_name_is_refused(nx1: Nx1, name: str) -> None:
    app = (await nx1.json("POST", "/api/app", {"app_name": "a"})).json()
    assert (await nx1.json("POST", f"/api/app/{app['id']}/versions", {"version_name": name})).status == 400


async def test_activation_takes_an_empty_json_body_and_names_the_deactivated(nx1: Nx1) -> None:
    app = (await nx1.json("POST", "/api/app", {"app_name": "a"})).json()
    versions = f"/api/app/{app['id']}/versions"
    first = (await nx1.json("POST", versions, {"version_name": "1", "status": "active"})).json()
    second = (await nx1.json("POST", versions, {"version_name": "2"})).json()
    answer = await nx1.send("PUT", f"/api/app/versions/{second['id']}/activate", b"")
    assert answer.status == 200
    result = answer.json()
    assert set(result) == {"activated_version", "deactivated_version_ids"}
    assert (result["activated_version"]["id"], result["activated_version"]["status"]) == (second["id"], "active")
    assert result["deactivated_version_ids"] == [first["id"]]
    assert [each["status"] for each in (await nx1.send("GET", versions)).json()] == ["inactive", "active"]


async def test_uuid_is_taken_in_any_spelling(nx1: Nx1) -> None:
    app = (await nx1.json("POST", "/api/app", {"app_name": "a"})).json()
    for spelling in (app["id"].upper(), app["id"].replace("-", ""), "%7B" + app["id"] + "%7D"):
        assert (await nx1.send("GET", f"/api/app/{spelling}")).json()["id"] == app["id"]


async def test_unknown_and_malformed_ids_are_told_apart(nx1: Nx1) -> None:
    unknown = uuid4()
    for target in (f"/api/app/{unknown}", f"/api/app/{unknown}/versions", f"/api/app/versions/{unknown}/components"):
        assert (await nx1.send("GET", target)).status == 404
    malformed = await nx1.send("GET", "/api/app/versions/not-a-uuid/components")
    assert (malformed.status, malformed.json()["detail"][0]["loc"]) == (422, ["path", "version_id"])
