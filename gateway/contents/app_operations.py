"""What a caller can ask of the app registry, and the attaching of a notebook to an app version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

from gateway.contents.apps import App, AppType, AppVersion, Component
from gateway.contents.model import Caller, Document
from gateway.contents.notebook import validate
from gateway.contents.offload import offloaded
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem


@dataclass(frozen=True, slots=True)
class AppRules:
    """Who may use apps, which apps take a notebook, and how large it may be."""

    manager_role: str
    notebook_types: frozenset[AppType]
    max_notebook_bytes: int

    def is_manager(self, caller: Caller) -> bool:
        """Holders of the manager role, and the platform itself."""
        return caller.username is None or self.manager_role in caller.roles

    def may_use(self, caller: Caller, _app: App) -> bool:
        """Whether a role of the caller opens this app. Having made it is no role: who loses the role loses the app."""
        return self.is_manager(caller)

    def check_access(self, caller: Caller, app: App) -> None:
        """FORBIDDEN unless the caller may use the app."""
        if not self.may_use(caller, app):
            raise Problem(Code.FORBIDDEN, "You may not use this app.")


@dataclass(frozen=True, slots=True)
class CreateApp:
    caller: Caller
    rules: AppRules
    name: str
    type: AppType

    async def run(self, services: Services) -> App:
        if not self.rules.is_manager(self.caller):
            raise Problem(Code.FORBIDDEN, f"Creating an app needs the role {self.rules.manager_role}.")
        return await services.apps.create_app(self.name, self.type, self.caller.username)


@dataclass(frozen=True, slots=True)
class ListApps:
    """The apps this caller may use."""

    caller: Caller
    rules: AppRules
    type: AppType | None

    async def run(self, services: Services) -> list[App]:
        return [app for app in await services.apps.list_apps(self.type) if self.rules.may_use(self.caller, app)]


@dataclass(frozen=True, slots=True)
class GetApp:
    caller: Caller
    rules: AppRules
    app_id: UUID

    async def run(self, services: Services) -> App:
        app = await services.apps.get_app(self.app_id)
        self.rules.check_access(self.caller, app)
        return app


@dataclass(frozen=True, slots=True)
class CreateVersion:
    caller: Caller
    rules: AppRules
    app_id: UUID
    name: str
    active: bool

    async def run(self, services: Services) -> AppVersion:
        self.rules.check_access(self.caller, await services.apps.get_app(self.app_id))
        user = self.caller.username
        return await services.apps.create_version(self.app_id, self.name, active=self.active, user=user)


@dataclass(frozen=True, slots=True)
class ListVersions:
    caller: Caller
    rules: AppRules
    app_id: UUID

    async def run(self, services: Services) -> list[AppVersion]:
        self.rules.check_access(self.caller, await services.apps.get_app(self.app_id))
        return await services.apps.list_versions(self.app_id)


@dataclass(frozen=True, slots=True)
class ActivateVersion:
    caller: Caller
    rules: AppRules
    version_id: UUID

    async def run(self, services: Services) -> tuple[AppVersion, list[UUID]]:
        await _permitted_app(services, self.caller, self.rules, self.version_id)
        return await services.apps.activate_version(self.version_id, self.caller.username)


@dataclass(frozen=True, slots=True)
class ListComponents:
    caller: Caller
    rules: AppRules
    version_id: UUID

    async def run(self, services: Services) -> list[Component]:
        await _permitted_app(services, self.caller, self.rules, self.version_id)
        return await services.apps.list_components(self.version_id)


@dataclass(frozen=True, slots=True)
class GetAttachedNotebook:
    caller: Caller
    rules: AppRules
    version_id: UUID

    async def run(self, services: Services) -> Component:
        await _permitted_app(services, self.caller, self.rules, self.version_id)
        return await services.apps.get_notebook(self.version_id)


@dataclass(frozen=True, slots=True)
class Attach:
    """Point an app version at a notebook: by key, and by the sha256 of its stored bytes at this moment.

    The order of checks is the contract's (spec nx1 6.4): NOT_FOUND version, FORBIDDEN app, CONFLICT app type (and a
    store that does not tell its own bytes, 6.3), NOT_FOUND notebook, TOO_LARGE, UNPROCESSABLE.
    """

    caller: Caller
    rules: AppRules
    version_id: UUID
    key: str
    path: ContentPath

    async def run(self, services: Services) -> Component:
        app = await _permitted_app(services, self.caller, self.rules, self.version_id)
        if app.type not in self.rules.notebook_types:
            accepted = ", ".join(sorted(type_.value for type_ in self.rules.notebook_types))
            raise Problem(Code.CONFLICT, f"Apps of type {app.type.value} take no notebook; {accepted} do.")
        if not services.contents.tells_stored_bytes(self.path):
            detail = "The store of your home does not tell the very bytes it keeps, so no sha256 can be attached."
            raise Problem(Code.CONFLICT, detail)
        document = await services.contents.read(self.caller, self.path)
        if len(document.body) > self.rules.max_notebook_bytes:
            raise Problem(
                Code.TOO_LARGE, f"Notebooks of more than {self.rules.max_notebook_bytes} bytes are not taken."
            )
        await offloaded(len(document.body), validate, document.body)
        properties = _pointer(self.key, document)
        return await services.apps.put_notebook(self.version_id, properties, self.caller.username)


async def _permitted_app(services: Services, caller: Caller, rules: AppRules, version_id: UUID) -> App:
    version = await services.apps.get_version(version_id)
    app = await services.apps.get_app(version.app_id)
    rules.check_access(caller, app)
    return app


def _pointer(key: str, document: Document) -> str:
    entry = document.entry
    facts = {"s3_key": key, "sha256": entry.sha256, "size_bytes": len(document.body), "etag": entry.etag}
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
