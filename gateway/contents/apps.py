"""Apps, their versions and components: what an attached notebook hangs on (spec nx1, section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class AppType(StrEnum):
    HAND_AUTHORED = "hand_authored"
    NOTEBOOK_PIPELINE = "notebook_pipeline"
    INFERENCE_SERVICE = "inference_service"
    FULL_PIPELINE = "full_pipeline"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who made a record and who changed it last; dates are aware UTC."""

    created_by: str | None
    created: datetime
    updated_by: str | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class App:
    id: UUID
    name: str
    type: AppType
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class AppVersion:
    id: UUID
    app_id: UUID
    name: str
    active: bool
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a version; ``properties`` is the compact JSON text that names it."""

    id: UUID
    version_id: UUID
    type: str
    properties: str | None
    stamp: Stamp


class Apps(Protocol):
    """The registry of apps. Every method is one transaction; names are unique (CONFLICT, already exists)."""

    async def create_app(self, name: str, type_: AppType, user: str | None) -> App: ...

    async def list_apps(self, type_: AppType | None = None) -> list[App]:
        """All apps, oldest first."""
        ...

    async def get_app(self, app_id: UUID) -> App:
        """NOT_FOUND for an unknown id."""
        ...

    async def create_version(self, app_id: UUID, name: str, *, active: bool, user: str | None) -> AppVersion:
        """NOT_FOUND for an unknown app. An active one deactivates the others of its app."""
        ...

    async def list_versions(self, app_id: UUID) -> list[AppVersion]:
        """All versions of the app, oldest first. NOT_FOUND for an unknown app."""
        ...

    async def get_version(self, version_id: UUID) -> AppVersion: ...

    async def activate_version(self, version_id: UUID, user: str | None) -> tuple[AppVersion, list[UUID]]:
        """The version now active, and the ids of those that were."""
        ...

    async def list_components(self, version_id: UUID) -> list[Component]: ...

    async def put_notebook(self, version_id: UUID, properties: str, user: str | None) -> Component:
        """Attach or replace the version's one notebook reference; a replacement keeps id and creation."""
        ...

    async def get_notebook(self, version_id: UUID) -> Component:
        """NOT_FOUND when the version is unknown or nothing is attached."""
        ...
