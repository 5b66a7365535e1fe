"""Retry tokens are claimed once, remembered for a day, and never lost to a dead process."""

from __future__ import annotations

import asyncio

import pytest

from gateway.contents.paths import ContentPath
from gateway.contents.retry_tokens import (
    ABANDONED_SECONDS,
    MEMORY_SECONDS,
    Claimed,
    Conflict,
    InProgress,
    Remembered,
    StoredAnswer,
    TokenKey,
    TokenStore,
)
from gateway.state.retry_tokens import StateTokens
from gateway.state.store import StateStore
from tests.state.conftest import Clock

KEY = TokenKey("user:ada", "PUT contents", "t-1")
PRINT = "a" * 64
MADE = ContentPath(("m", "d", "a_%é.ipynb"))
ANSWER = StoredAnswer(201, (("etag", '"x"'), ("location", "/é")), b"\x00body", MADE)


@pytest.fixture
def tokens(store: StateStore, clock: Clock) -> TokenStore:
    return StateTokens(store, clock)


async def _claimed(tokens: TokenStore, key: TokenKey = KEY) -> str:
    result = await tokens.claim(key, PRINT)
    assert isinstance(result, Claimed)
    return result.id


async def test_of_racing_claims_on_two_replicas_exactly_one_is_claimed(
    store: StateStore, replica: StateStore, clock: Clock
) -> None:
    replicas = (StateTokens(store, clock), StateTokens(replica, clock))
    results = await asyncio.gather(*(replicas[n % 2].claim(KEY, PRINT) for n in range(16)))
    assert sorted(type(result).__name__ for result in results) == ["Claimed"] + ["InProgress"] * 15


async def test_an_answer_is_remembered_whole_on_any_replica(
    tokens: TokenStore, replica: StateStore, clock: Clock
) -> None:
    await tokens.remember(KEY, await _claimed(tokens), ANSWER)
    assert await StateTokens(replica, clock).claim(KEY, PRINT) == Remembered(ANSWER)


async def test_an_answer_outlives_a_restart(url: str, clock: Clock) -> None:
    first = await StateStore.open(url)
    tokens = StateTokens(first, clock)
    await tokens.remember(KEY, await _claimed(tokens), ANSWER)
    await first.aclose()
    second = await StateStore.open(url)
    assert await StateTokens(second, clock).claim(KEY, PRINT) == Remembered(ANSWER)
    await second.aclose()


async def test_an_answer_is_forgotten_after_a_day(tokens: TokenStore, clock: Clock) -> None:
    await tokens.remember(KEY, await _claimed(tokens), ANSWER)
    clock.advance(MEMORY_SECONDS - 1)
    assert isinstance(await tokens.claim(KEY, PRINT), Remembered)
    clock.advance(1)
    assert isinstance(await tokens.claim(KEY, PRINT), Claimed)


async def test_another_request_with_the_token_conflicts_before_and_after_the_answer(tokens: TokenStore) -> None:
    claim_id = await _claimed(tokens)
    assert await tokens.claim(KEY, "b" * 64) == Conflict()
    await tokens.remember(KEY, claim_id, ANSWER)
    assert await tokens.claim(KEY, "b" * 64) == Conflict()


async def test_a_released_claim_is_free_for_any_request(tokens: TokenStore) -> None:
    await tokens.forget(KEY, await _claimed(tokens))
    assert isinstance(await tokens.claim(KEY, "b" * 64), Claimed)


async def test_an_abandoned_claim_is_taken_over_and_its_first_owner_settles_nothing(
    tokens: TokenStore, clock: Clock
) -> None:
    first = await _claimed(tokens)
    clock.advance(ABANDONED_SECONDS - 1)
    assert await tokens.claim(KEY, PRINT) == InProgress()
    clock.advance(1)
    second = await _claimed(tokens)
    await tokens.remember(KEY, first, ANSWER)
    await tokens.forget(KEY, first)
    assert await tokens.claim(KEY, PRINT) == InProgress()
    await tokens.remember(KEY, second, ANSWER)
    assert await tokens.claim(KEY, PRINT) == Remembered(ANSWER)


@pytest.mark.parametrize(
    "other",
    [
        TokenKey("user:bo", "PUT contents", "t-1"),
        TokenKey("user:ada", "POST contents", "t-1"),
        TokenKey("user:ada", "PUT contents", "T-1"),
    ],
)
async def test_owner_operation_and_token_tell_claims_apart(tokens: TokenStore, other: TokenKey) -> None:
    await _claimed(tokens)
    await _claimed(tokens, other)


@pytest.mark.parametrize("gone", [MADE, MADE.parent, MADE.parent.parent])
@pytest.mark.parametrize("owner", [None, KEY.owner])
async def test_an_answer_is_invalid_once_what_it_made_is_gone(
    tokens: TokenStore, gone: ContentPath, owner: str | None, clock: Clock
) -> None:
    await tokens.remember(KEY, await _claimed(tokens), ANSWER)
    await tokens.invalidate(gone, owner)
    assert await tokens.claim(KEY, PRINT) == Conflict()
    clock.advance(MEMORY_SECONDS)
    assert isinstance(await tokens.claim(KEY, PRINT), Claimed)


@pytest.mark.parametrize(
    ("gone", "owner"),
    [
        (MADE, "user:bo"),
        (ContentPath(("m", "D")), None),
        (ContentPath(("m", "d", "a_%é")), None),
        (ContentPath(("m", "_")), None),
    ],
)
async def test_what_stands_elsewhere_or_is_anothers_invalidates_nothing(
    tokens: TokenStore, gone: ContentPath, owner: str | None
) -> None:
    await tokens.remember(KEY, await _claimed(tokens), ANSWER)
    await tokens.invalidate(gone, owner)
    assert await tokens.claim(KEY, PRINT) == Remembered(ANSWER)


async def test_a_sweep_removes_only_what_has_expired(store: StateStore, clock: Clock) -> None:
    past, present = StateTokens(store, clock), StateTokens(store)
    await past.remember(KEY, await _claimed(past), ANSWER)
    kept = TokenKey("user:ada", "PUT contents", "t-2")
    await _claimed(present, kept)
    await store.sweep()
    assert await present.claim(kept, PRINT) == InProgress()
    assert isinstance(await past.claim(KEY, PRINT), Claimed)
