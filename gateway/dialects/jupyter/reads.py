"""GET: one model, with or without content (spec jupyter A2 and A3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, cast

import msgspec
from aiohttp import web
from multidict import MultiMapping

from gateway.contents.lines import joined_lines
from gateway.contents.model import EPOCH, Caller, Document, Entry, Kind, Listing
from gateway.contents.offload import ENTRY_BYTES, offloaded
from gateway.contents.operations import Get, Services, Stat
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Reason, invalid
from gateway.contents.trust import trusted
from gateway.dialects.dialect import Call, Endpoint, Incoming
from gateway.dialects.jupyter.answers import revision_headers, shown_answer
from gateway.dialects.jupyter.bodies import kind_named
from gateway.wire.conditions import is_not_modified
from gateway.wire.contents_json import ContentModel, Format, fill_document, fill_listing, model_of

_CLUTTER = ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~")
"""What Jupyter leaves out of listings beside hidden names; asked for by name it is there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a GET asks for; ``kind`` None means whatever stands there."""

    kind: Kind | None
    format: Format | None
    with_content: bool
    with_hash: bool


@dataclass(frozen=True, slots=True)
class Seeing:
    """How this client sees an entry: as the kind it asked for, and with a date.

    A directory whose store knows no date for it has the gateway's start for one: a client would count from 1970.
    """

    wanted: Wanted
    headers: Mapping[str, str]
    started: datetime

    def dated(self, entry: Entry) -> Entry:
        """The entry with a date that can be shown."""
        if entry.kind is not Kind.DIRECTORY or entry.modified != EPOCH:
            return entry
        return replace(entry, modified=self.started, created=self.started)

    def as_wanted(self, entry: Entry) -> Entry:
        """The entry as the kind asked for: any file can be seen as a file, or as a notebook if it holds one."""
        wanted = self.wanted.kind
        if wanted is None or wanted is entry.kind:
            return entry
        if Kind.DIRECTORY in (wanted, entry.kind):
            raise invalid(f"This is a {entry.kind}, not a {wanted}.", reason=Reason.BAD_TYPE)
        return replace(entry, kind=wanted)

    def model(self, entry: Entry) -> ContentModel:
        return model_of(entry, with_hash=self.wanted.with_hash)

    def has(self, entry: Entry) -> bool:
        """Whether the client has this revision already."""
        return is_not_modified(self.headers, entry)


@dataclass(frozen=True, slots=True)
class Shown:
    """A model with content, or None when the client has that revision already."""

    entry: Entry
    model: ContentModel | None


@dataclass(frozen=True, slots=True)
class Open:
    """Get what stands there and make its model, which for a large file is work that must not hold up other requests."""

    caller: Caller
    path: ContentPath
    seeing: Seeing

    async def run(self, services: Services) -> Shown:
        wanted = self.seeing.wanted
        kind = wanted.kind or (Kind.DIRECTORY if self.path.is_root else None)
        found = await Get(self.caller, self.path, kind).run(services)
        entry = self.seeing.dated(found.entry)
        seen = self.seeing.as_wanted(entry)
        if self.seeing.has(entry):
            return Shown(entry, None)
        model = self.seeing.model(seen)
        if isinstance(found, Listing):
            size = len(found.entries) * ENTRY_BYTES
            return Shown(entry, await offloaded(size, lambda: fill_listing(model, self._tidied(found))))
        size, kind = len(found.body), seen.kind
        vouched = kind is Kind.NOTEBOOK and await self._is_vouched(services, entry)
        return Shown(entry, await offloaded(size, _filled, model, found, wanted.format, kind, vouched=vouched))

    async def _is_vouched(self, services: Services, entry: Entry) -> bool:
        return entry.sha256 is not None and await services.trust.is_vouched(self.caller, entry.sha256)

    def _tidied(self, listing: Listing) -> Listing:
        entries = (self.seeing.dated(entry) for entry in listing.entries if not _is_clutter(entry.name))
        return Listing(listing.entry, tuple(entries))


def read_endpoint(started: datetime) -> Endpoint:
    """GET of a gateway that has run since ``started``."""

    async def get(incoming: Incoming) -> Call[Any]:
        """One model, with content unless ``content=0``. A directory's ``hash=1`` is null, where the reference fails."""
        path, request = incoming.path(), incoming.request
        seeing = Seeing(_parse_wanted(request.query), request.headers, started)
        if seeing.wanted.with_content:
            return Call(Open(incoming.caller, path, seeing), _render_shown)
        stat = Stat(incoming.caller, path, with_sha256=seeing.wanted.with_hash)
        return Call(stat, lambda entry: _render_entry(seeing, seeing.dated(entry)))

    return get


def _parse_wanted(query: MultiMapping[str]) -> Wanted:
    format_ = _choice(query, "format", ("text", "base64"))
    return Wanted(
        kind_named(_last(query, "type")),
        cast("Format | None", format_),
        with_content=_choice(query, "content", ("0", "1")) != "0",
        with_hash=_choice(query, "hash", ("0", "1")) == "1",
    )


def _choice(query: MultiMapping[str], name: str, allowed: tuple[str, ...]) -> str | None:
    value = _last(query, name)
    if value is not None and value not in allowed:
        raise invalid(f"The parameter {name} is one of {', '.join(allowed)}.")
    return value


def _last(query: MultiMapping[str], name: str) -> str | None:
    """The parameter; given twice, the last one counts, as in the reference."""
    return query.getall(name)[-1] if name in query else None


def _filled(
    model: ContentModel, document: Document, wanted: Format | None, kind: Kind, *, vouched: bool
) -> ContentModel:
    model = fill_document(model, document, wanted, as_notebook=kind is Kind.NOTEBOOK)
    if kind is Kind.NOTEBOOK:
        notebook = joined_lines(bytes(model.content))
        model.content = msgspec.Raw(trusted(notebook) if vouched else notebook)
    return model


def _render_entry(seeing: Seeing, entry: Entry) -> web.Response:
    seen = seeing.as_wanted(entry)
    return _not_modified(entry) if seeing.has(entry) else shown_answer(seeing.model(seen), entry)


def _render_shown(shown: Shown) -> web.Response:
    return _not_modified(shown.entry) if shown.model is None else shown_answer(shown.model, shown.entry)


def _not_modified(entry: Entry) -> web.Response:
    return web.Response(status=304, headers=revision_headers(entry))


def _is_clutter(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _CLUTTER)
