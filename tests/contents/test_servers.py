"""Servers: which ones a caller may use, whose a name is, where files lie for them, and who is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from gateway.contents.backend import Backend
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.server import Server
from gateway.contents.servers import Servers
from gateway.contents.upstream import Forward, Forwarded, Upstream
from tests.contents.stand import parse
from tests.contract.steps import refused

ADA = Caller("ada", Credential.TOKEN)
BOB = Caller("bob", Credential.TOKEN)
NOBODY = Caller(None, Credential.PSK)

Answering = Callable[[Forward], Awaitable[Forwarded]]


MISSING = Forwarded(404, b"{}", {"Content-Type": "application/json"})


async def knows_nothing(_: Forward) -> Forwarded:
    return MISSING


@dataclass(frozen=True)
class FakeServer:
    """A Jupyter server that says what it is told to; with ``{user}`` in its address it is one for each user."""

    url: str
    folder: ContentPath = ContentPath.ROOT
    answering: Answering = knows_nothing
    asked: list[str] = field(default_factory=list)

    @property
    def upstream(self) -> Upstream:
        return Upstream(self.url)

    def address(self, path: ContentPath) -> str:
        return str(self.folder.join(path))

    def inner(self, address: str) -> ContentPath | None:
        try:
            path = parse(address)
        except Problem:
            return None
        return path.relative_to(self.folder) if path.starts_with(self.folder) else None

    async def forward(self, request: Forward) -> Forwarded:
        self.asked.append(request.target)
        return await self.answering(request)

    def of(self, username: str | None) -> FakeServer:
        if username is None or "/" in username:
            raise Problem(Code.FORBIDDEN, "No user.")
        return FakeServer(self.url.replace("{user}", username), self.folder, self.answering, self.asked)


class FakeStore:
    """Any other store; nobody asks it anything here."""


def mount(name: str, backend: object = None, **rules: Any) -> Mount:
    return Mount(name, cast("Backend", backend or FakeStore()), **rules)


def servers_over(*mounts: Mount, home: str | None = "lab") -> Servers:
    return Servers(Mounts(mounts), home, ProcessLocks())


def first_server(caller: Caller, *mounts: Mount) -> Server:
    return servers_over(*mounts).fleet(caller).first


# -- which servers ---------------------------------------------------------------------------------------------------


def test_home_comes_first_and_what_may_not_be_run_not_at_all() -> None:
    servers = servers_over(
        mount("files"),
        mount("big", FakeServer("http://big")),
        mount("lab", FakeServer("http://lab")),
        mount("his", FakeServer("http://his"), runners=frozenset({"bob"})),
    )
    assert [each.mount.name for each in servers.of(ADA)] == ["lab", "big"]
    assert [each.mount.name for each in servers.of(BOB)] == ["lab", "big", "his"]
    assert [each.is_home for each in servers.of(BOB)] == [True, False, False]


def test_a_server_behind_two_mounts_is_one_server() -> None:
    servers = servers_over(
        mount("part", FakeServer("http://lab", parse("part"))), mount("lab", FakeServer("http://lab"))
    )
    assert [each.mount.name for each in servers.of(ADA)] == ["lab"]


def test_each_user_has_a_server_of_their_own_where_the_address_says_so() -> None:
    servers = servers_over(mount("lab", FakeServer("http://hub/user/{user}"), is_personal=True))
    assert [each.backend.upstream.url for each in servers.of(BOB)] == ["http://hub/user/bob"]
    assert servers.of(NOBODY) == ()


async def test_who_may_run_nothing_is_told_why() -> None:
    theirs = servers_over(mount("lab", FakeServer("http://lab"), runners=frozenset({"bob"})))
    with pytest.raises(Problem) as forbidden:
        theirs.fleet(ADA).first  # noqa: B018  it raises
    assert forbidden.value.code is Code.FORBIDDEN
    with pytest.raises(Problem) as unsupported:
        servers_over(mount("files"), home=None).fleet(ADA).first  # noqa: B018  it raises
    assert unsupported.value.code is Code.UNSUPPORTED
    with pytest.raises(Problem) as no_route:
        theirs.home(ADA)
    assert no_route.value.reason is Reason.NO_ROUTE


def test_a_name_that_cannot_be_a_servers_has_none() -> None:
    slashed = Caller("a/b", Credential.TOKEN)
    mounts = mount("hub", FakeServer("http://hub/{user}"), is_personal=True), mount("lab", FakeServer("http://lab"))
    assert [each.mount.name for each in servers_over(*mounts).of(slashed)] == ["lab"]
    assert first_server(slashed, *mounts).path("x") == parse("lab/x")
    assert first_server(slashed, *mounts).path("../x") is None
    assert first_server(slashed, *mounts).path(".nbgateway/~/a") is None
    assert first_server(slashed, *mounts).path(".nbgateway/hub/home/a/b/x") is None


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "name", "called"),
    [
        (0, "python3", "python3"),
        (1, "python3", "big.python3"),
        (0, "python3.11", "python3.11"),
        (0, "big.python3", "lab.big.python3"),
        (0, "lab.python3", "lab.lab.python3"),
        (0, "big", "big"),
        (0, "big.", "big."),
        (1, "big.python3", "big.big.python3"),
        (0, "1", "1"),
        (1, "1", "big.1"),
    ],
)
def test_a_name_finds_its_way_back_to_its_server(number: int, name: str, called: str) -> None:
    fleet = servers_over(mount("lab", FakeServer("http://lab")), mount("big", FakeServer("http://big"))).fleet(ADA)
    server = fleet.servers[number]
    assert fleet.called(server, name) == called
    assert fleet.meant(called) == (server, name)


def test_a_name_of_no_server_is_the_first_ones() -> None:
    fleet = servers_over(mount("lab", FakeServer("http://lab"))).fleet(ADA)
    assert fleet.meant("big.python3") == (fleet.first, "big.python3")
    assert fleet.meant("lab.") == (fleet.first, "lab.")


# -- where files lie -------------------------------------------------------------------------------------------------

LAB = FakeServer("http://lab", parse("work"))
STORES = (
    mount("lab", LAB),
    mount("s3", homes=True),
    mount("shared"),
    mount("secret", readers=frozenset({"bob"})),
    mount("hub", FakeServer("http://hub/{user}"), is_personal=True),
    mount("deep", FakeServer("http://lab", parse("work/deep"))),
)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("lab/a/b.ipynb", "work/a/b.ipynb"),
        ("lab", "work"),
        ("s3/b.ipynb", "work/.nbgateway/s3/home/ada/b.ipynb"),
        ("shared/x/console-1", "work/.nbgateway/shared/x/console-1"),
        ("shared", "work/.nbgateway/shared"),
        ("hub/n.ipynb", "work/.nbgateway/hub/home/ada/n.ipynb"),
        ("console-1", "work/.nbgateway/~/ada/console-1"),
        ("", "work/.nbgateway/~/ada"),
        ("~/x", "work/.nbgateway/~/ada/~/x"),
    ],
)
def test_a_path_of_any_mount_finds_its_way_back(path: str, address: str) -> None:
    server = first_server(ADA, *STORES)
    assert server.address(parse(path)) == address
    assert server.path(address) == parse(path)


@pytest.mark.parametrize(
    "address",
    [
        "elsewhere/a.ipynb",
        "work/.hidden/a.ipynb",
        "work/.nbgateway",
        "work/.nbgateway/s3/home/bob/canary.ipynb",
        "work/.nbgateway/s3/home/adam/canary.ipynb",
        "work/.nbgateway/s3/canary.ipynb",
        "work/.nbgateway/hub/home/bob/canary.ipynb",
        "work/.nbgateway/hub/canary.ipynb",
        "work/.nbgateway/~/bob/canary",
        "work/.nbgateway/~/ada/shared/canary",
        "work/.nbgateway/~",
        "work/.nbgateway/secret/canary.ipynb",
        "work/.nbgateway/unknown/canary.ipynb",
        "work/.nbgateway/shared/.hidden/canary.ipynb",
        "work/.nbgateway/shared/../s3/home/bob/x",
        "work/a//b",
    ],
)
def test_an_address_that_is_nothing_to_the_caller_is_no_path(address: str) -> None:
    assert first_server(ADA, *STORES).path(address) is None


async def test_what_would_not_come_back_is_refused() -> None:
    server = first_server(ADA, *STORES)
    for path in ("lab/.nbgateway/s3/home/bob/x", ".nbgateway/x", "shared/.a/b", f"shared/{'/'.join(['d' * 200] * 5)}"):
        with pytest.raises(Problem) as problem:
            server.address(parse(path))
        assert problem.value.code is Code.INVALID
    with pytest.raises(Problem) as forbidden:
        server.address(parse("secret/a"))
    assert forbidden.value.code is Code.FORBIDDEN
    with pytest.raises(Problem) as nobody:
        first_server(NOBODY, mount("lab", LAB)).address(parse("console-1"))
    assert nobody.value.code is Code.FORBIDDEN


def test_a_folder_that_a_mount_stands_before_runs_nothing_by_that_name() -> None:
    server = first_server(ADA, mount("lab", FakeServer("http://lab"), is_root=True), mount("shared"))
    assert server.path("shared/a.ipynb") is None
    assert server.path("other/a.ipynb") == parse("other/a.ipynb")
    assert server.address(parse("shared/a.ipynb")) == ".nbgateway/shared/a.ipynb"


def test_files_of_another_mount_of_the_server_are_its_own() -> None:
    server = first_server(ADA, *STORES)
    assert server.holds(parse("deep/a"))
    assert not server.holds(parse("shared/a"))
    assert server.own_address(parse("deep/a")) == server.own_address(parse("lab/deep/a")) == "work/deep/a"
    assert server.own_address(parse("shared/a")) is None


def test_a_file_below_two_mounts_is_told_apart_by_the_one_it_is_opened_through() -> None:
    server = first_server(ADA, *STORES)
    assert server.address(parse("lab/deep/a")) == "work/deep/a"
    assert server.address(parse("deep/a")) == "work/.nbgateway/deep/a"
    assert server.path("work/.nbgateway/deep/a") == parse("deep/a")


def test_homes_on_a_server_are_told_apart() -> None:
    server = first_server(ADA, mount("lab", FakeServer("http://lab"), homes=True, runners=frozenset({"*"})))
    assert server.address(parse("lab/a")) == "home/ada/a"
    assert server.path("home/ada/a") == parse("lab/a")
    assert server.path("home/bob/a") is None
    assert server.top == "home/ada"


@pytest.mark.parametrize(
    ("mounts", "conceals"),
    [
        ((mount("lab", FakeServer("http://lab"), is_root=True),), False),
        ((mount("lab", FakeServer("http://lab"), is_root=True), mount("shared")), False),
        ((mount("lab", FakeServer("http://lab"), is_root=True), mount("s3", homes=True)), True),
        ((mount("lab", FakeServer("http://lab"), is_root=True), mount("his", readers=frozenset({"bob"}))), True),
        ((mount("lab", FakeServer("http://lab")), mount("shared", is_root=True)), False),
        ((mount("lab", LAB, is_root=True),), True),
        ((mount("lab", FakeServer("http://lab")),), True),
        ((mount("lab", FakeServer("http://hub/{user}"), is_personal=True), mount("s3", homes=True)), False),
    ],
)
def test_a_server_conceals_where_something_is_not_for_all(mounts: tuple[Mount, ...], conceals: bool) -> None:
    assert first_server(ADA, *mounts).conceals is conceals


# -- who is asked ----------------------------------------------------------------------------------------------------


def having(*targets: str) -> Answering:
    async def answer(request: Forward) -> Forwarded:
        return Forwarded(200, b"{}") if request.target in targets else MISSING

    return answer


def failing(code: Code) -> Answering:
    async def answer(_: Forward) -> Forwarded:
        raise Problem(code, "The storage behind this mount.", retry_after_seconds=7)

    return answer


async def never(_: Forward) -> Forwarded:
    await asyncio.Event().wait()
    raise AssertionError


def fleet_of(caller: Caller = ADA, **answering: Answering) -> tuple[Servers, Mapping[str, FakeServer]]:
    fakes = {name: FakeServer(f"http://{name}", answering=each) for name, each in answering.items()}
    return servers_over(*(mount(name, fake) for name, fake in fakes.items())), fakes


async def test_what_is_looked_for_is_found_whichever_server_hangs() -> None:
    servers, _ = fleet_of(lab=never, big=having("/x"), dead=failing(Code.UNAVAILABLE))
    async with asyncio.timeout(5):
        server, answer = await servers.fleet(ADA).find("/x")
    assert (server.mount.name, answer.status) == ("big", 200)


async def test_who_had_it_is_asked_alone_the_next_time() -> None:
    servers, fakes = fleet_of(lab=having(), big=having("/x"))
    await servers.fleet(ADA).find("/x")
    await servers.fleet(ADA).find("/x")
    assert [len(fake.asked) for fake in fakes.values()] == [1, 2]


async def test_what_has_moved_is_found_in_spite_of_what_is_remembered() -> None:
    places = {"/x": "big"}

    def at(name: str) -> Answering:
        async def answer(request: Forward) -> Forwarded:
            return Forwarded(200, b"{}") if places.get(request.target) == name else MISSING

        return answer

    servers, _ = fleet_of(lab=at("lab"), big=at("big"))
    await servers.fleet(ADA).find("/x")
    places["/x"] = "lab"
    assert (await servers.fleet(ADA).find("/x"))[0].mount.name == "lab"
    del places["/x"]
    await refused(servers.fleet(ADA).find("/x"), Code.NOT_FOUND)


async def test_nothing_is_missing_while_a_server_that_may_have_it_is_away() -> None:
    servers, _ = fleet_of(lab=having(), big=failing(Code.TIMEOUT))
    await refused(servers.fleet(ADA).find("/x"), Code.TIMEOUT)
    await refused(servers.fleet(ADA).ask_all("/x"), Code.TIMEOUT)
    known, _ = fleet_of(lab=having(), big=having())
    await refused(known.fleet(ADA).find("/x"), Code.NOT_FOUND)


async def test_a_failure_is_told_of_the_server_and_not_of_a_storage() -> None:
    servers, _ = fleet_of(lab=failing(Code.UNAVAILABLE))
    with pytest.raises(Problem) as problem:
        await servers.fleet(ADA).find("/x")
    assert problem.value.detail == "The Jupyter server cannot be reached."
    assert problem.value.retry_after_seconds == 7


async def test_an_answer_that_is_neither_yes_nor_no_is_a_fault() -> None:
    for answer in (Forwarded(500, b""), Forwarded(404, b"<html>", {"Content-Type": "text/html"})):

        async def confused(_: Forward, answer: Forwarded = answer) -> Forwarded:
            return answer

        servers, _ = fleet_of(lab=confused)
        await refused(servers.fleet(ADA).find("/x"), Code.UPSTREAM)


async def test_who_does_not_answer_is_left_out_where_that_will_do() -> None:
    servers, _ = fleet_of(lab=having("/x"), big=failing(Code.UNAVAILABLE))
    answers = await servers.fleet(ADA).ask_each(Forward("GET", "/x"))
    assert [isinstance(answer, Problem) for answer in answers] == [False, True]
