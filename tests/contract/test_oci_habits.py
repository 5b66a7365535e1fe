"""The OCI adapter keeps the contract whatever the service is seen to do (spec oci 8, 13, 14)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from adapters.oci import errors, par
from adapters.oci.backend import create
from gateway.contents.backend import Backend
from gateway.wire.client import UpstreamClient, open_session
from tests.contract.conditions import ConditionsContract
from tests.contract.moving import MoveContract
from tests.contract.reading import ReadingContract
from tests.contract.running import SessionContract
from tests.contract.writing import WritingContract
from tests.fakes.workspace import CLUSTER_ID, CURRENT, OLDER, Generation, running_workspace

CHANGES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Manner:
    """How the service behaves: fields of ``Habits``, its generation, whether everything may go past the API, and what
    every call is refused with once."""

    habits: dict[str, Any] = field(default_factory=dict)
    generation: Generation = CURRENT
    past_the_api: bool = False
    at_first: tuple[int, str, frozenset[str]] | None = None


def refusing_once(status: int, code: str, methods: frozenset[str]) -> Callable[[web.Request], web.Response | None]:
    """Every call with one of the methods is refused, and its repetition is not."""
    refused: set[str] = set()

    def fault(request: web.Request) -> web.Response | None:
        call = request.headers["opc-request-id"]
        if request.method not in methods or call in refused:
            return None
        refused.add(call)
        return web.json_response({"code": code, "message": "try again later"}, status=status)

    return fault


MANNERS = {
    "a-save-does-not-create": Manner({"put_creates": False}),
    "a-folder-must-be-empty-to-go": Manner({"recursive_delete": False}),
    "other-forms": Manner({"leading_slash": False, "numeric_dates": True, "sparse_models": True, "null_format": None}),
    "quoted-etags": Manner({"etag_form": '"{}"', "quoted_if_match": False}),
    "weak-etags": Manner({"etag_form": 'W/"{}"'}),
    "what-is-missing-is-an-internal-error": Manner({"missing_is_internal_error": True}),
    "objects-have-other-etags": Manner({"object_etags_apart": True}),
    "etags-come-with-content-and-survive-a-rename": Manner(
        {"etag_without_content": False, "etags_after_patch_change": False, "if_match_on_absent": 404}
    ),
    "renames-stay-in-their-folder-and-moves-take-time": Manner(
        {"renames_across_folders": False, "async_objects": True}
    ),
    "files-go-past-the-api": Manner({"par_creates_at_once": True}, past_the_api=True),
    "files-may-not-go-past-the-api": Manner({"par": False}, past_the_api=True),
    "seen-late-as-missing": Manner({"lag_reads": 2, "lag_form": "missing"}),
    "seen-late-as-internal-error": Manner({"lag_reads": 2, "lag_form": "internal error"}),
    "seen-late-as-before": Manner({"lag_reads": 2, "lag_form": "previous"}),
    "seen-late-with-other-etags": Manner({"lag_reads": 2, "object_etags_apart": True}),
    "older-generation": Manner(generation=OLDER),
    "small-pages": Manner({"max_page": 2}),
    "busy-at-first": Manner(at_first=(409, "IncorrectState", CHANGES)),
    "throttled-at-first": Manner(at_first=(429, "TooManyRequests", CHANGES | READS)),
    "unavailable-at-first": Manner(at_first=(503, "ServiceUnavailable", READS)),
    "slow": Manner({"slow_seconds": 0.005}),
}


@asynccontextmanager
async def behaving(manner: Manner, folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Backend]:
    patch.setattr(errors, "PAUSE_SECONDS", 0.01)
    if manner.past_the_api:
        patch.setattr(par, "LARGE_BYTES", 0)
    async with running_workspace(generation=manner.generation) as workspace, open_session() as session:
        for name, value in manner.habits.items():
            assert hasattr(workspace.habits, name)
            setattr(workspace.habits, name, value)
        if manner.at_first is not None:
            workspace.habits.fault = refusing_once(*manner.at_first)
        client = UpstreamClient(session, max_body_bytes=64 << 20)
        fresh = create(client, generation=manner.generation.version, **workspace.mount_options(folder))
        await fresh.probe()
        yield fresh
        await fresh.aclose()


class TestOciHabits(ReadingContract, WritingContract, ConditionsContract, MoveContract, SessionContract):
    """What of the contract a workspace takes part in, but for names, which are no matter of manners."""

    cluster = CLUSTER_ID
    names_kernels = False

    test_a_name_stays_as_it_is_spelled = None  # type: ignore[assignment]  # pytest passes over what is no function
    test_a_name_stays_as_it_is_spelled_when_it_moves = None  # type: ignore[assignment]  # pytest passes over what is no function

    @pytest_asyncio.fixture(params=MANNERS)
    async def backend(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Backend]:
        async with behaving(MANNERS[request.param], tmp_path, monkeypatch) as backend:
            yield backend
