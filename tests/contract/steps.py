"""What the parts of the contract suite share: short ways to ask, to refuse, and to skip by the missing capability."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Iterable

import pytest

from gateway.contents.backend import (
    Backend,
    Capability,
    SupportsCheckpoints,
    SupportsCopy,
    SupportsMove,
    SupportsRemovingEmpty,
    SupportsStreaming,
)
from gateway.contents.model import Written
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem

parse = ContentPath.parse
ROOT = ContentPath.ROOT
NAMES = (
    "with space.txt",
    " spaces around ",
    "ünï-日本-🎉.txt",
    "cafe\u0301.txt",
    "100%.txt",
    "a%2Fb.txt",
    "hash#1.txt",
    "what?.txt",
    "a+b.txt",
    "a~b.txt",
    "a&b=c.txt",
    "it's.txt",
    'say "hi".txt',
    "semi;colon,comma:.txt",
    "[1](2){3}.txt",
    "$HOME `x` |<>*.txt",
    "user@example.org",
    "no-extension",
    "two..dots.txt",
)

NOTEBOOK_TREE = {
    "cells": [{"cell_type": "markdown", "id": "a1", "metadata": {}, "source": ["# Grüße\n", "second line"]}],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
NOTEBOOK = (json.dumps(NOTEBOOK_TREE, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def need(backend: Backend, capability: Capability) -> None:
    """Skip, by name, what the backend does not claim."""
    if capability not in backend.capabilities:
        pytest.skip(f"backend does not declare {capability.value}")


def copier(backend: Backend) -> SupportsCopy:
    if not isinstance(backend, SupportsCopy):
        pytest.skip("backend does not offer SupportsCopy")
    return backend


def mover(backend: Backend) -> SupportsMove:
    if not isinstance(backend, SupportsMove):
        pytest.skip("backend does not offer SupportsMove")
    return backend


def keeper(backend: Backend) -> SupportsCheckpoints:
    if not isinstance(backend, SupportsCheckpoints):
        pytest.skip("backend does not offer SupportsCheckpoints")
    return backend


def remover(backend: Backend) -> SupportsRemovingEmpty:
    if not isinstance(backend, SupportsRemovingEmpty):
        pytest.skip("backend does not offer SupportsRemovingEmpty")
    return backend


def streamer(backend: Backend) -> SupportsStreaming:
    if not isinstance(backend, SupportsStreaming):
        pytest.skip("backend does not offer SupportsStreaming")
    return backend


async def refused(attempt: Awaitable[object], *codes: Code) -> Problem:
    """The Problem that the attempt ends in, which has one of the codes."""
    with pytest.raises(Problem) as caught:
        await attempt
    assert caught.value.code in codes, f"{caught.value.code}: {caught.value.detail}"
    return caught.value


async def is_missing(backend: Backend, path: ContentPath) -> bool:
    try:
        await backend.stat(path)
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise
        return True
    return False


async def put(backend: Backend, text: str, body: bytes = b"one\n") -> Written:
    """Write a file, making the directories above it first."""
    path = parse(text)
    for depth in range(1, len(path.segments)):
        folder = ContentPath(path.segments[:depth])
        if await is_missing(backend, folder):
            await backend.make_directory(folder)
    return await backend.write(path, body)


async def body_of(backend: Backend, text: str) -> bytes:
    return (await backend.read(parse(text))).body


async def names(backend: Backend, text: str = "") -> list[str]:
    listing = await backend.list(parse(text))
    assert all(entry.path.parent == listing.entry.path for entry in listing.entries)
    return sorted(entry.name for entry in listing.entries)


async def race(attempts: Iterable[Awaitable[Written]]) -> tuple[list[int], Counter[Code]]:
    """Run all at once: the numbers of those that won, and the codes of the others."""
    results = await asyncio.gather(*attempts, return_exceptions=True)
    winners = [number for number, result in enumerate(results) if isinstance(result, Written)]
    losers: Counter[Code] = Counter()
    for result in results:
        if isinstance(result, Problem):
            losers[result.code] += 1
        elif isinstance(result, BaseException):
            raise result
    return winners, losers
