"""The emulated workspace knows who has signed a request, and that nothing of it was changed since (spec oci 9)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.compat.workspace_calls import Caller, at, calling
from tests.fakes.workspace import PREFIX, Identity, WorkspaceEmulator, running_workspace
from tests.fakes.workspace.identities import new_session

# Oracle's published example: the key, and a signature by it (signing documentation, "Request Signatures")
ORACLES_KEY = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QFNUd13wuCTUcq0Qd2qsBe/2hFyc2D"
    "CJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB"
)
ORACLES_SIGNATURE = (
    "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc9r2DmE4pMwOAy/"
    "kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M="
)
ORACLES_TARGET = (
    "/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId="
    "ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa"
    "&displayName=TeamXInstances&volumeId="
    "ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q"
)


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
async def caller(workspace: WorkspaceEmulator) -> AsyncIterator[Caller]:
    async with calling(workspace) as opened:
        yield opened


@pytest.mark.parametrize(("ending", "status"), [("", 404), ("x", 401)])
async def test_oracles_published_signature_holds_for_its_target_alone(
    workspace: WorkspaceEmulator, caller: Caller, ending: str, status: int
) -> None:
    """404, as the workspace has no such resource: whoever asks for it has been authenticated before."""
    key = serialization.load_der_public_key(base64.b64decode(ORACLES_KEY))
    assert isinstance(key, rsa.RSAPublicKey)
    workspace.keys["oracle"] = key
    workspace.habits.smallest_key_bits = 1024
    workspace.habits.clock = lambda: datetime(2014, 1, 5, 21, 31, 40, tzinfo=UTC)
    named = 'keyId="oracle",algorithm="rsa-sha256",headers="date (request-target) host"'
    headers = {
        "date": "Thu, 05 Jan 2014 21:31:40 GMT",
        "host": "iaas.us-phoenix-1.oraclecloud.com",
        "authorization": f'Signature version="1",{named},signature="{ORACLES_SIGNATURE}"',
    }
    assert (await caller.exchange("GET", ORACLES_TARGET + ending, b"", headers)).status == status


TAMPERINGS: dict[str, tuple[Callable[[dict[str, str]], dict[str, str]], str]] = {
    "unsigned": (lambda signed: {}, "occurs 0 times"),
    "another scheme": (
        lambda s: {**s, "authorization": s["authorization"].replace("Signature", "Bearer")},
        "malformed",
    ),
    "a parameter twice": (lambda s: {**s, "authorization": s["authorization"] + ',version="1"'}, "malformed"),
    "rubbish behind": (lambda s: {**s, "authorization": s["authorization"] + " x"}, "malformed"),
    "another version": (
        lambda s: {**s, "authorization": s["authorization"].replace('n="1"', 'n="2"')},
        "unsupported version",
    ),
    "a header unsigned": (
        lambda s: {**s, "authorization": s["authorization"].replace(" x-content-sha256", "")},
        "unsigned",
    ),
    "another date": (lambda s: {**s, "date": "Thu, 05 Jan 2014 21:31:40 GMT"}, "clock skew"),
    "a date of another form": (lambda s: {**s, "date": datetime.now(UTC).isoformat()}, "unreadable date"),
    "another key": (lambda s: {**s, "authorization": s["authorization"].replace("user", "other")}, "unknown key"),
    "another body": (lambda s: {**s, "x-content-sha256": "AAAA"}, "wrong signature"),
    "another type": (lambda s: {**s, "content-type": "text/plain"}, "wrong signature"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_a_request_that_was_tampered_with_is_not_authenticated(
    workspace: WorkspaceEmulator, caller: Caller, name: str
) -> None:
    tamper, reason = TAMPERINGS[name]
    target, body = PREFIX + at("a.ipynb"), b'{"type": "directory"}'
    signed = tamper(caller.signed("PUT", target, body))
    reply = await caller.exchange("PUT", target, body, {"content-type": "application/json", **signed})
    assert reply.code == (401, "NotAuthenticated")
    assert reason in reply.json()["message"]
    assert not (set(workspace.tree.nodes) - {("Workspace",)})


async def test_another_target_and_another_body_are_not_authenticated(caller: Caller) -> None:
    target, body = PREFIX + at("a.ipynb"), b'{"type": "directory"}'
    signed = caller.signed("PUT", target, body)
    changed = await caller.exchange("PUT", target, body.replace(b"directory", b"notebooks"), signed)
    elsewhere = await caller.exchange("PUT", target.replace("%2F", "%2f"), body, signed)
    assert (changed.code, elsewhere.code) == ((401, "NotAuthenticated"),) * 2


@pytest.mark.parametrize(("seconds", "status"), [(-299, 200), (-302, 401), (299, 200), (302, 401)])
async def test_the_clock_may_be_five_minutes_wrong(caller: Caller, seconds: int, status: int) -> None:
    signed = caller.signed("GET", PREFIX, b"", datetime.now(UTC) + timedelta(seconds=seconds))
    assert (await caller.exchange("GET", PREFIX, b"", signed)).status == status


async def test_short_keys_and_session_tokens_that_are_over_are_not_authenticated(workspace: WorkspaceEmulator) -> None:
    weak = Identity("u", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    session = new_session(datetime.now(UTC))
    for identity in (weak, session):
        workspace.admit(identity)
    async with calling(workspace, weak) as caller:
        assert (await caller.send("GET", "")).code == (401, "NotAuthenticated")
        workspace.habits.smallest_key_bits = 1024
        assert (await caller.send("GET", "")).status == 200
    async with calling(workspace, session) as caller:
        assert (await caller.send("GET", "")).status == 200
        workspace.habits.expired_tokens = True
        assert (await caller.send("GET", "")).code == (401, "NotAuthenticated")
        workspace.habits.expired_tokens = False
        workspace.habits.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
        assert (await caller.send("GET", "")).code == (401, "NotAuthenticated")
