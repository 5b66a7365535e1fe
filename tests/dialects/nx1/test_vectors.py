"""Golden vectors: every operation's whole answer, and every refusal it has words of its own for (spec nx1 4 and 6)."""

from __future__ import annotations

import pytest

from tests.dialects.nx1.driving import BO, PLATFORM, Nx1
from tests.dialects.nx1.vectors import (
    DATE,
    KEY,
    NOTEBOOK,
    Vector,
    app,
    component,
    created_app,
    hold,
    refusal,
    summary,
    version,
)

APP, APPS = "/api/app/{app}", "/api/app"
VERSIONS, VERSION = "/api/app/{app}/versions", "/api/app/versions/{version}"
ATTACH = f"{VERSION}/notebook"
ATTACHED = (("PUT", ATTACH, {"s3_key": KEY}),)
ACTIVE = (("PUT", f"{VERSION}/activate", None),)

NO_APP = refusal(404, "No such app.")
NO_VERSION = refusal(404, "No such app version.")
FORBIDDEN = refusal(403, "You may not use this app.")
NOT_TAKEN = refusal(409, "Apps of type hand_authored take no notebook; full_pipeline, notebook_pipeline do.")
APP_TYPES = "app_type is one of hand_authored, notebook_pipeline, inference_service, full_pipeline."
BAD_APP_ID = refusal(422, "app_id is a UUID.", ("uuid_parsing", ["path", "app_id"], "app_id is a UUID."))
BAD_VERSION_ID = refusal(
    422, "version_id is a UUID.", ("uuid_parsing", ["path", "version_id"], "version_id is a UUID.")
)
UPDATED = {"updated_by": "ada", "updated_date": DATE}


def missing(field: str) -> dict[str, object]:
    error = f"The request body is not as expected: Object missing required field `{field}`."
    return refusal(422, error, ("missing", ["body", field], "Field required"))


VECTORS = [
    Vector("list_notebooks", "GET", "/api/notebooks", 200, [summary(KEY, len(NOTEBOOK))]),
    Vector(
        "list_notebooks_as_platform",
        "GET",
        "/api/notebooks",
        403,
        refusal(403, "The platform key belongs to no user, so it has no home."),
        caller=PLATFORM,
    ),
    Vector(
        "create_app",
        "POST",
        APPS,
        200,
        created_app("<new>", "n", "full_pipeline"),
        {"app_name": "n", "app_type": "full_pipeline"},
    ),
    Vector(
        "create_app_of_default_type", "POST", APPS, 200, created_app("<new>", "n", "hand_authored"), {"app_name": "n"}
    ),
    Vector(
        "create_app_of_a_taken_name",
        "POST",
        APPS,
        409,
        refusal(409, "An app of that name exists already."),
        {"app_name": "app"},
    ),
    Vector(
        "create_app_of_an_unsafe_name",
        "POST",
        APPS,
        400,
        refusal(400, "An app_name holds 1 to 128 letters, digits, '-' and '_'."),
        {"app_name": "a b"},
    ),
    Vector("create_app_without_a_name", "POST", APPS, 422, missing("app_name"), {}),
    Vector(
        "create_app_without_the_role",
        "POST",
        APPS,
        403,
        refusal(403, "Creating an app needs the role nx1_app_manager."),
        {"app_name": "n"},
        caller=BO,
    ),
    Vector("list_apps", "GET", APPS, 200, [app(), app("hand_app", "hand_authored")]),
    Vector("list_apps_of_a_type", "GET", f"{APPS}?app_type=hand_authored", 200, [app("hand_app", "hand_authored")]),
    Vector("list_apps_of_no_type", "GET", f"{APPS}?app_type=inference_service", 200, []),
    Vector("list_apps_without_a_role", "GET", APPS, 200, [], caller=BO),
    Vector("list_apps_as_platform", "GET", APPS, 200, [app(), app("hand_app", "hand_authored")], caller=PLATFORM),
    Vector(
        "list_apps_of_an_unknown_type",
        "GET",
        f"{APPS}?app_type=poem",
        422,
        refusal(422, APP_TYPES, ("enum", ["query", "app_type"], APP_TYPES)),
    ),
    Vector("get_app", "GET", APP, 200, app()),
    Vector("get_app_unknown", "GET", "/api/app/{unknown}", 404, NO_APP),
    Vector("get_app_by_no_uuid", "GET", "/api/app/x", 422, BAD_APP_ID),
    Vector("get_app_without_a_role", "GET", APP, 403, FORBIDDEN, caller=BO),
    Vector("create_version", "POST", VERSIONS, 200, version("2", id_="<new>"), {"version_name": "2"}),
    Vector(
        "create_active_version",
        "POST",
        VERSIONS,
        200,
        version("2", "active", id_="<new>"),
        {"version_name": "2", "status": "active"},
    ),
    Vector(
        "create_version_of_a_taken_name",
        "POST",
        VERSIONS,
        409,
        refusal(409, "The app has a version of that name already."),
        {"version_name": "1.0"},
    ),
    Vector(
        "create_version_of_a_reserved_name",
        "POST",
        VERSIONS,
        400,
        refusal(400, "A version_name holds 1 to 128 letters, digits, '.', '-' and '_', and is not 'current'."),
        {"version_name": "current"},
    ),
    Vector("create_version_without_a_name", "POST", VERSIONS, 422, missing("version_name"), {"status": "active"}),
    Vector(
        "create_version_of_an_unknown_app", "POST", "/api/app/{unknown}/versions", 404, NO_APP, {"version_name": "2"}
    ),
    Vector("create_version_of_no_uuid", "POST", "/api/app/x/versions", 422, BAD_APP_ID, {"version_name": "2"}),
    Vector("create_version_without_a_role", "POST", VERSIONS, 403, FORBIDDEN, {"version_name": "2"}, caller=BO),
    Vector("list_versions", "GET", VERSIONS, 200, [version()]),
    Vector("list_versions_of_an_unknown_app", "GET", "/api/app/{unknown}/versions", 404, NO_APP),
    Vector("list_versions_of_no_uuid", "GET", "/api/app/x/versions", 422, BAD_APP_ID),
    Vector("list_versions_without_a_role", "GET", VERSIONS, 403, FORBIDDEN, caller=BO),
    Vector(
        "activate_version",
        "PUT",
        f"{VERSION}/activate",
        200,
        {"activated_version": version(status="active", **UPDATED), "deactivated_version_ids": []},
    ),
    Vector(
        "activate_version_in_place_of_another",
        "PUT",
        f"{VERSION}/activate",
        200,
        {"activated_version": version(status="active", **UPDATED), "deactivated_version_ids": ["<new>"]},
        given=(("POST", VERSIONS, {"version_name": "2", "status": "active"}),),
    ),
    Vector(
        "activate_active_version",
        "PUT",
        f"{VERSION}/activate",
        200,
        {"activated_version": version(status="active", **UPDATED), "deactivated_version_ids": []},
        given=ACTIVE,
    ),
    Vector("activate_unknown_version", "PUT", "/api/app/versions/{unknown}/activate", 404, NO_VERSION),
    Vector("activate_no_uuid", "PUT", "/api/app/versions/x/activate", 422, BAD_VERSION_ID),
    Vector("activate_without_a_role", "PUT", f"{VERSION}/activate", 403, FORBIDDEN, caller=BO),
    Vector("list_components_of_a_bare_version", "GET", f"{VERSION}/components", 200, []),
    Vector("list_components", "GET", f"{VERSION}/components", 200, [component()], given=ATTACHED),
    Vector("list_components_of_an_unknown_version", "GET", "/api/app/versions/{unknown}/components", 404, NO_VERSION),
    Vector("list_components_of_no_uuid", "GET", "/api/app/versions/x/components", 422, BAD_VERSION_ID),
    Vector("list_components_without_a_role", "GET", f"{VERSION}/components", 403, FORBIDDEN, caller=BO),
    Vector("attach", "PUT", ATTACH, 200, component(), {"s3_key": KEY, "colour": "red"}),
    Vector("attach_again", "PUT", ATTACH, 200, component(**UPDATED), {"s3_key": KEY}, given=ATTACHED),
    Vector("attach_to_an_active_version", "PUT", ATTACH, 200, component(), {"s3_key": KEY}, given=ACTIVE),
    Vector("attach_without_a_key", "PUT", ATTACH, 422, missing("s3_key"), {}),
    Vector("attach_to_no_uuid", "PUT", "/api/app/versions/x/notebook", 422, BAD_VERSION_ID, {"s3_key": KEY}),
    Vector(
        "attach_what_is_no_notebook",
        "PUT",
        ATTACH,
        400,
        refusal(400, "An s3_key names a notebook and ends in .ipynb."),
        {"s3_key": "home/ada/a.txt"},
    ),
    Vector(
        "attach_from_another_home",
        "PUT",
        ATTACH,
        403,
        refusal(403, "The notebook is outside your home prefix."),
        {"s3_key": "home/adam/a.ipynb"},
    ),
    Vector(
        "attach_to_an_unknown_version",
        "PUT",
        "/api/app/versions/{unknown}/notebook",
        404,
        NO_VERSION,
        {"s3_key": KEY},
    ),
    Vector("attach_without_a_role", "PUT", ATTACH, 403, FORBIDDEN, {"s3_key": "home/bo/a.ipynb"}, caller=BO),
    Vector(
        "attach_to_an_app_that_takes_none",
        "PUT",
        "/api/app/versions/{hand_version}/notebook",
        409,
        NOT_TAKEN,
        {"s3_key": KEY},
    ),
    Vector(
        "attach_what_is_not_there",
        "PUT",
        ATTACH,
        404,
        refusal(404, "No such file or directory."),
        {"s3_key": "home/ada/b.ipynb"},
    ),
    Vector("get_attached", "GET", ATTACH, 200, component(), given=ATTACHED),
    Vector(
        "get_attached_of_a_bare_version", "GET", ATTACH, 404, refusal(404, "No notebook is attached to this version.")
    ),
    Vector("get_attached_of_an_unknown_version", "GET", "/api/app/versions/{unknown}/notebook", 404, NO_VERSION),
    Vector("get_attached_of_no_uuid", "GET", "/api/app/versions/x/notebook", 422, BAD_VERSION_ID),
    Vector("get_attached_without_a_role", "GET", ATTACH, 403, FORBIDDEN, caller=BO),
    Vector("ping", "GET", "/api/health/ping", 200, {"version": "0.10.2", "build_number": "nbgateway"}),
    Vector("no_such_route", "GET", "/api/notebooks/x", 404, refusal(404, "There is nothing at this URL.")),
    Vector(
        "no_such_method",
        "DELETE",
        "/api/notebooks",
        405,
        refusal(405, "DELETE is not supported here."),
        headers={"Allow": "GET, POST"},
    ),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_answer_is_whole(vector: Vector, nx1: Nx1) -> None:
    await hold(vector, nx1)
