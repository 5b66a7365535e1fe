"""The journal of moves in the state store: one row for a move, one for each directory and file of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from gateway.contents.journal import Move, Progress, Spot, Stage, Step
from gateway.contents.model import ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.state.store import StateStore, aware, now, whole
from gateway.state.tables import move_steps, moves

LEASE_SECONDS = 30.0


class StateJournal:
    """Entries as rows. Each process is a holder; what it holds is its own until the lease runs out."""

    def __init__(self, store: StateStore, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._holder = uuid4().hex
        self._lease_seconds = lease_seconds

    @property
    def renewal_seconds(self) -> float:
        return self._lease_seconds / 3

    @whole
    async def begin(self, move: Move, directories: Sequence[ContentPath], files: Sequence[Step]) -> None:
        values = {"id": move.id, "stage": move.stage, "user": move.user, "holder": self._holder}
        spots = _spot_values("origin", move.origin) | _spot_values("goal", move.goal)
        steps = [_directory_values(move, path) for path in directories] + [_file_values(move, step) for step in files]
        async with self._store.transaction() as connection:
            await connection.execute(insert(moves).values(**values, **spots, expires=self._lease_end()))
            await connection.execute(insert(move_steps), steps)

    @whole
    async def note(self, move: Move, made: Step | None, about_to: Step | None) -> None:
        async with self._store.transaction() as connection:
            renewed = update(moves).where(*self._own(move)).values(stage=move.stage, expires=self._lease_end())
            if not (await connection.execute(renewed)).rowcount:
                raise Problem(Code.CONFLICT, "Another gateway has taken this move over.", reason=Reason.BUSY)
            if made is not None:
                row = (move_steps.c.move_id == move.id, move_steps.c.path == str(made.path))
                await connection.execute(update(move_steps).where(*row).values(copy_etag=made.copy_etag))
            if about_to is not None:
                await connection.execute(insert(move_steps).values(**_file_values(move, about_to)))

    @whole
    async def touch(self, move: Move) -> bool:
        async with self._store.transaction() as connection:
            renewed = update(moves).where(*self._own(move)).values(expires=self._lease_end())
            return bool((await connection.execute(renewed)).rowcount)

    @whole
    async def finish(self, move: Move) -> None:
        async with self._store.transaction() as connection:
            await connection.execute(delete(moves).where(*self._own(move)))

    @whole
    async def abandoned(self) -> Sequence[Move]:
        taken = update(moves).where(moves.c.expires <= now()).values(holder=self._holder, expires=self._lease_end())
        async with self._store.transaction() as connection:
            return [_move(row) for row in await connection.execute(taken.returning(moves))]

    @whole
    async def progress(self, move: Move) -> Progress | None:
        steps = select(move_steps).where(move_steps.c.move_id == move.id).order_by(move_steps.c.path)
        async with self._store.transaction() as connection:
            row = (await connection.execute(select(moves).where(*self._own(move)))).one_or_none()
            if row is None:
                return None
            rows = (await connection.execute(steps)).all()
        directories = tuple(ContentPath.parse(each.path) for each in rows if each.sha256 is None)
        return Progress(_move(row), directories, tuple(_step(each) for each in rows if each.sha256 is not None))

    def _own(self, move: Move) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return moves.c.id == move.id, moves.c.holder == self._holder

    def _lease_end(self) -> datetime:
        return now() + timedelta(seconds=self._lease_seconds)


def _spot_values(side: str, spot: Spot) -> dict[str, str]:
    return {f"{side}_mount": spot.mount, f"{side}_store": spot.store, f"{side}_path": str(spot.path)}


def _directory_values(move: Move, path: ContentPath) -> dict[str, Any]:
    nothing = dict.fromkeys(("sha256", "etag", "modified", "copy_etag"))
    return {"move_id": move.id, "path": str(path), **nothing}


def _file_values(move: Move, step: Step) -> dict[str, Any]:
    revision = {"sha256": step.sha256, "etag": step.etag, "modified": step.modified, "copy_etag": step.copy_etag}
    return {"move_id": move.id, "path": str(step.path), **revision}


def _move(row: Row[Any]) -> Move:
    origin = Spot(row.origin_mount, row.origin_store, ContentPath.parse(row.origin_path))
    goal = Spot(row.goal_mount, row.goal_store, ContentPath.parse(row.goal_path))
    return Move(row.id, origin, goal, row.user, Stage(row.stage))


def _step(row: Row[Any]) -> Step:
    etag = None if row.etag is None else ETag(row.etag)
    copy_etag = None if row.copy_etag is None else ETag(row.copy_etag)
    return Step(ContentPath.parse(row.path), etag, aware(row.modified), row.sha256, copy_etag)
