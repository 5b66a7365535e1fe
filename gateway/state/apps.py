"""The registry of apps in the state store; every method is one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, Table, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.contents.apps import App, AppType, AppVersion, Component, Stamp
from gateway.contents.problem import already_exists, not_found
from gateway.state.store import StateStore, aware, now, whole
from gateway.state.tables import apps, components, versions

NOTEBOOK = "notebook"

_Record = Row[Any]


class StateApps:
    """Apps, versions and components as rows."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    @whole
    async def create_app(self, name: str, type_: AppType, user: str | None) -> App:
        async with self._store.transaction() as connection:
            values = {"name": name, "type": type_.value}
            return _app(await _inserted(connection, apps, values, user, "An app of that name exists already."))

    @whole
    async def list_apps(self, type_: AppType | None = None) -> list[App]:
        query = select(apps).order_by(apps.c.created, apps.c.name)
        if type_ is not None:
            query = query.where(apps.c.type == type_.value)
        async with self._store.transaction() as connection:
            return [_app(row) for row in await connection.execute(query)]

    @whole
    async def get_app(self, app_id: UUID) -> App:
        async with self._store.transaction() as connection:
            return _app(await _row(connection, apps, app_id, "No such app."))

    @whole
    async def create_version(self, app_id: UUID, name: str, *, active: bool, user: str | None) -> AppVersion:
        async with self._store.transaction() as connection:
            await _claimed(connection, apps, app_id, "No such app.")
            if active:
                await _deactivate(connection, app_id, user)
            values = {"app_id": app_id, "name": name, "active": active}
            taken = "The app has a version of that name already."
            return _version(await _inserted(connection, versions, values, user, taken))

    @whole
    async def list_versions(self, app_id: UUID) -> list[AppVersion]:
        query = select(versions).where(versions.c.app_id == app_id).order_by(versions.c.created, versions.c.name)
        async with self._store.transaction() as connection:
            await _row(connection, apps, app_id, "No such app.")
            return [_version(row) for row in await connection.execute(query)]

    @whole
    async def get_version(self, version_id: UUID) -> AppVersion:
        async with self._store.transaction() as connection:
            return _version(await _row(connection, versions, version_id, "No such app version."))

    @whole
    async def activate_version(self, version_id: UUID, user: str | None) -> tuple[AppVersion, list[UUID]]:
        async with self._store.transaction() as connection:
            row = await _row(connection, versions, version_id, "No such app version.")
            await _claimed(connection, apps, row.app_id, "No such app.")
            deactivated = [id_ for id_ in await _deactivate(connection, row.app_id, user) if id_ != version_id]
            values = {"active": True, "updated_by": user, "updated": now()}
            await connection.execute(update(versions).where(versions.c.id == version_id).values(values))
            return _version(await _row(connection, versions, version_id, "No such app version.")), deactivated

    @whole
    async def list_components(self, version_id: UUID) -> list[Component]:
        query = select(components).where(components.c.version_id == version_id).order_by(components.c.created)
        async with self._store.transaction() as connection:
            await _row(connection, versions, version_id, "No such app version.")
            return [_component(row) for row in await connection.execute(query)]

    @whole
    async def put_notebook(self, version_id: UUID, properties: str, user: str | None) -> Component:
        async with self._store.transaction() as connection:
            await _claimed(connection, versions, version_id, "No such app version.")
            changed = {"properties": properties, "updated_by": user, "updated": now()}
            done = await connection.execute(update(components).where(*_notebook_of(version_id)).values(changed))
            if not done.rowcount:
                values = {"version_id": version_id, "type": NOTEBOOK, "slot": NOTEBOOK, "properties": properties}
                return _component(await _inserted(connection, components, values, user, "Attached meanwhile."))
            return _component((await connection.execute(select(components).where(*_notebook_of(version_id)))).one())

    @whole
    async def get_notebook(self, version_id: UUID) -> Component:
        async with self._store.transaction() as connection:
            await _row(connection, versions, version_id, "No such app version.")
            row = (await connection.execute(select(components).where(*_notebook_of(version_id)))).one_or_none()
            if row is None:
                raise not_found("No notebook is attached to this version.")
            return _component(row)


def _notebook_of(version_id: UUID) -> tuple[Any, Any]:
    return components.c.version_id == version_id, components.c.slot == NOTEBOOK


async def _inserted(
    connection: AsyncConnection, table: Table, values: Mapping[str, object], user: str | None, taken: str
) -> _Record:
    row = {"id": uuid4(), **values, "created_by": user, "created": now()}
    try:
        await connection.execute(insert(table).values(row))
    except IntegrityError as error:
        raise already_exists(taken) from error
    return (await connection.execute(select(table).where(table.c.id == row["id"]))).one()


async def _row(connection: AsyncConnection, table: Table, id_: UUID, missing: str) -> _Record:
    row = (await connection.execute(select(table).where(table.c.id == id_))).one_or_none()
    if row is None:
        raise not_found(missing)
    return row


async def _claimed(connection: AsyncConnection, table: Table, id_: UUID, missing: str) -> None:
    """Keep other replicas from the row until the transaction ends, by an update that changes nothing.

    Unlike SELECT FOR UPDATE every database understands it, SQLite included.
    """
    done = await connection.execute(update(table).where(table.c.id == id_).values(id=table.c.id))
    if not done.rowcount:
        raise not_found(missing)


async def _deactivate(connection: AsyncConnection, app_id: UUID, user: str | None) -> list[UUID]:
    """Make no version of the app active; the ids of those that were."""
    active = (versions.c.app_id == app_id, versions.c.active)
    ids = [row.id for row in await connection.execute(select(versions.c.id).where(*active))]
    await connection.execute(update(versions).where(*active).values(active=False, updated_by=user, updated=now()))
    return ids


def _stamp(row: _Record) -> Stamp:
    updated = aware(row.updated) if row.updated else None
    return Stamp(row.created_by, aware(row.created), row.updated_by, updated)


def _app(row: _Record) -> App:
    return App(row.id, row.name, AppType(row.type), _stamp(row))


def _version(row: _Record) -> AppVersion:
    return AppVersion(row.id, row.app_id, row.name, row.active, _stamp(row))


def _component(row: _Record) -> Component:
    return Component(row.id, row.version_id, row.type, row.properties, _stamp(row))
