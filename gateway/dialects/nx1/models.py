"""Nx1's wire models (spec nx1 4.1 and 6.1)."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from gateway.contents.apps import App, AppVersion, Component
from gateway.contents.model import Entry


class NotebookSummary(msgspec.Struct):
    s3_key: str
    owner: str
    size_bytes: int
    last_modified: str


class CreatedAppModel(msgspec.Struct):
    """What the creation of an app answers: less than what is told about it later."""

    id: str
    app_name: str
    app_type: str
    created_by: str | None
    created_date: str


class AppModel(msgspec.Struct):
    id: str
    app_name: str
    app_type: str
    created_by: str | None
    created_date: str
    updated_by: str | None
    updated_date: str | None


class VersionModel(msgspec.Struct):
    id: str
    app_id: str
    version_name: str
    status: str
    created_by: str | None
    created_date: str
    updated_by: str | None
    updated_date: str | None


class ComponentModel(msgspec.Struct):
    id: str
    app_version_id: str
    component_type: str
    properties_json: str | None
    created_by: str | None
    created_date: str
    updated_by: str | None
    updated_date: str | None


class Activation(msgspec.Struct):
    activated_version: VersionModel
    deactivated_version_ids: list[str]


def from_entry(entry: Entry, key: str) -> NotebookSummary:
    return NotebookSummary(key, key.split("/")[1], entry.size or 0, timestamp(entry.modified))


def from_created_app(app: App) -> CreatedAppModel:
    stamp = app.stamp
    return CreatedAppModel(str(app.id), app.name, app.type.value, stamp.created_by, timestamp(stamp.created))


def from_app(app: App) -> AppModel:
    stamp = app.stamp
    return AppModel(
        str(app.id),
        app.name,
        app.type.value,
        stamp.created_by,
        timestamp(stamp.created),
        stamp.updated_by,
        _optional(stamp.updated),
    )


def from_version(version: AppVersion) -> VersionModel:
    stamp = version.stamp
    return VersionModel(
        str(version.id),
        str(version.app_id),
        version.name,
        "active" if version.active else "inactive",
        stamp.created_by,
        timestamp(stamp.created),
        stamp.updated_by,
        _optional(stamp.updated),
    )


def from_component(component: Component) -> ComponentModel:
    stamp = component.stamp
    return ComponentModel(
        str(component.id),
        str(component.version_id),
        component.type,
        component.properties,
        stamp.created_by,
        timestamp(stamp.created),
        stamp.updated_by,
        _optional(stamp.updated),
    )


def timestamp(date: datetime) -> str:
    """``2023-11-07T05:31:56Z``, with microseconds only where there are some, as Pydantic writes it."""
    return date.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _optional(date: datetime | None) -> str | None:
    return timestamp(date) if date else None
