"""All spellings of a path lead to one file, and answers keep the caller's own (spec oci 2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Code, Problem
from gateway.dialects.oci import oci_dialect
from gateway.dialects.oci.addresses import Address
from gateway.server.road import RouteTable
from tests.dialects.oci.app import CLOSED, CONTENTS, PLATFORM, WORKSPACE, Oci

SPELLINGS = {
    "%2FWorkspace%2Fd%2Fa%20b.ipynb": "/Workspace/d/a b.ipynb",
    "/Workspace/d/a%20b.ipynb": "/Workspace/d/a b.ipynb",
    "Workspace%2Fd%2Fa%20b.ipynb": "Workspace/d/a b.ipynb",
    "Workspace/d/a%20b.ipynb": "Workspace/d/a b.ipynb",
    "%2Fd%2Fa%20b.ipynb": "/d/a b.ipynb",
    "d/a%20b.ipynb": "d/a b.ipynb",
}

ROOT = Address(ContentPath(("files", "team")), ContentPath.ROOT, has_slash=False, has_alias=False)

names = st.text(min_size=1, max_size=12).filter(lambda name: "/" not in name and is_plain_name(name))


@pytest.mark.parametrize("tail", SPELLINGS)
async def test_every_spelling_reaches_the_file_and_comes_back(oci: Oci, tail: str) -> None:
    (oci.root / "d").mkdir()
    assert (await oci.put_notebook("d%2Fa%20b.ipynb")).status == 200
    read = await oci("GET", tail)
    assert (read.status, read.json()["path"], read.json()["name"]) == (200, SPELLINGS[tail], "a b.ipynb")


@pytest.mark.parametrize(
    ("tail", "path"),
    [
        ("%2F", "/"),
        ("/", "/"),
        ("Workspace", "Workspace"),
        ("%2FWorkspace", "/Workspace"),
        ("/Workspace/", "/Workspace"),
    ],
)
async def test_the_root_is_a_directory_called_workspace(oci: Oci, tail: str, path: str) -> None:
    read = await oci("GET", f"{tail}?content=0")
    body = read.json()
    assert (read.status, body["type"], body["name"], body["path"]) == (200, "directory", "Workspace", path)


@pytest.mark.parametrize("tail", ["", "%20"])
async def test_a_blank_path_is_not_found(oci: Oci, tail: str) -> None:
    blank = await oci("GET", tail)
    assert (blank.status, blank.json()["code"]) == (404, "NotAuthorizedOrNotFound")


@pytest.mark.parametrize(
    ("platform", "workspace"), [("other", WORKSPACE), (PLATFORM, "other"), (WORKSPACE, PLATFORM), (PLATFORM, CLOSED)]
)
async def test_an_unknown_or_closed_workspace_is_not_found(oci: Oci, platform: str, workspace: str) -> None:
    target = CONTENTS.replace(PLATFORM, platform, 1).replace(WORKSPACE, workspace, 1)
    if (platform, workspace) == (WORKSPACE, PLATFORM):
        target = f"/20260430/aiDataPlatforms/{WORKSPACE}/workspaces/{PLATFORM}/notebook/api/contents/"
    refused = await oci.send("GET", target + "a.ipynb")
    assert (refused.status, refused.json()["code"]) == (404, "NotAuthorizedOrNotFound")


async def test_the_api_prefix_is_the_same_workspace(oci: Oci) -> None:
    await oci.put_notebook("a.ipynb")
    assert (await oci.send("GET", f"/api{CONTENTS}a.ipynb")).status == 200
    created = await oci.send("POST", f"/api{CONTENTS}Workspace", {"type": "notebook"})
    assert created.headers["Location"] == f"{oci.url}/api{CONTENTS}Workspace%2FUntitled.ipynb"


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize(
    ("generations", "address", "served"),
    [
        (("20260430",), "/20260430/aiDataPlatforms", True),
        (("20260430",), "/20240831/dataLakes", False),
        (("20260430", "20240831"), "/20260430/aiDataPlatforms", True),
        (("20260430", "20240831"), "/20240831/dataLakes", True),
        (("20260430", "20240831"), "/20240831/aiDataPlatforms", False),
        (("20240831",), "/20260430/aiDataPlatforms", False),
    ],
)
def test_a_generation_is_served_when_it_is_configured(
    prefix: str, generations: tuple[str, ...], address: str, *, served: bool
) -> None:
    table = RouteTable([oci_dialect({}, generations=generations)])
    target = f"{prefix}{address}/{PLATFORM}/workspaces/{WORKSPACE}/notebook/api/contents/a.ipynb"
    if served:
        assert table.match("GET", target).route.method == "GET"
        return
    with pytest.raises(Problem) as caught:
        table.match("GET", target)
    assert caught.value.code is Code.NOT_FOUND


@pytest.mark.parametrize(
    "target",
    [
        "/20260430/nothing",
        "/api/20260430",
        CONTENTS.removesuffix("contents/") + "kernels",
        CONTENTS.removesuffix("notebook/api/contents/") + "clusters",
        CONTENTS.replace("aiDataPlatforms", "dataLakes") + "a.ipynb",
    ],
)
async def test_an_unknown_route_is_not_found_in_ocis_words(oci: Oci, target: str) -> None:
    missing = await oci.send("POST", target, {})
    assert (missing.status, missing.json()["code"]) == (404, "NotFound")
    assert missing.headers["opc-request-id"]


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        ("..%2Fa.ipynb", "InvalidParameter"),
        ("%2FWorkspace%2F..%2F..%2Fa.ipynb", "InvalidParameter"),
        ("d//a.ipynb", "InvalidParameter"),
        ("a%00.ipynb", "InvalidParameter"),
        ("a%5Cb.ipynb", "InvalidParameter"),
        ("a%zz.ipynb", "CannotParseRequest"),
        ("a%FF.ipynb", "CannotParseRequest"),
    ],
)
async def test_hostile_paths_are_refused(oci: Oci, tail: str, code: str) -> None:
    refused = await oci("GET", tail)
    assert (refused.status, refused.json()["code"]) == (400, code)


async def test_a_twice_encoded_slash_is_a_plain_percent_sign(oci: Oci) -> None:
    assert (await oci("GET", "d%252Fa.ipynb")).status == 404


def test_a_folder_called_workspace_is_told_from_the_root() -> None:
    inside = ROOT.at("Workspace/Workspace/a")
    assert inside.inner == ContentPath(("Workspace", "a"))
    assert ROOT.at("b").spell(inside.path) == "Workspace/Workspace/a"


def test_the_root_itself_cannot_be_written() -> None:
    with pytest.raises(Problem, match="workspace itself"):
        ROOT.at("/Workspace").below_root()


@given(st.lists(names, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_spelling_back_is_the_way_in_reversed(segments: list[str], has_slash: bool, has_alias: bool) -> None:
    if segments[0] == "Workspace":
        has_alias = True
    text = ("/" if has_slash else "") + "/".join((["Workspace"] if has_alias else []) + segments)
    address = ROOT.at(text)
    assert address.path.segments == ("files", "team", *segments)
    assert address.spell(address.path) == text
