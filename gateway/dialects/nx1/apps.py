"""``/api/app``: apps, versions, components, and the notebook attached to a version (spec nx1, section 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeVar
from uuid import UUID

import msgspec
from aiohttp import web

from gateway.contents.app_operations import (
    ActivateVersion,
    AppRules,
    Attach,
    CreateApp,
    CreateVersion,
    GetApp,
    GetAttachedNotebook,
    ListApps,
    ListComponents,
    ListVersions,
)
from gateway.contents.apps import App, AppType, AppVersion, Component
from gateway.contents.problem import Code, Fault, Problem, Reason, invalid
from gateway.dialects.dialect import Call, Incoming, Route, json_response
from gateway.dialects.nx1.keys import Homes
from gateway.dialects.nx1.models import Activation, from_app, from_component, from_created_app, from_version
from gateway.dialects.nx1.problems import unprocessable
from gateway.wire import json

T = TypeVar("T")

_APP_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VERSION_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_RESERVED_VERSION_NAMES = frozenset({".", "..", "current"})
_MISSING_FIELD = re.compile(r"Object missing required field `(\w+)`")


class CreateAppRequest(msgspec.Struct):
    app_name: str
    app_type: AppType = AppType.HAND_AUTHORED


class CreateVersionRequest(msgspec.Struct):
    version_name: str
    status: Literal["active", "inactive"] = "inactive"


class AttachNotebookRequest(msgspec.Struct):
    s3_key: str


@dataclass(frozen=True, slots=True)
class Apps:
    """The endpoints of the app manager."""

    homes: Homes
    rules: AppRules

    def routes(self) -> tuple[Route, ...]:
        app, version = "/api/app/{app_id}", "/api/app/versions/{version_id}"
        return (
            Route("PUT", f"{version}/activate", self.parse_activate),
            Route("GET", f"{version}/components", self.parse_list_components),
            Route("PUT", f"{version}/notebook", self.parse_attach),
            Route("GET", f"{version}/notebook", self.parse_get_attached),
            Route("POST", "/api/app", self.parse_create),
            Route("GET", "/api/app", self.parse_list),
            Route("GET", app, self.parse_get),
            Route("POST", f"{app}/versions", self.parse_create_version),
            Route("GET", f"{app}/versions", self.parse_list_versions),
        )

    async def parse_create(self, incoming: Incoming) -> Call[App]:
        body = await _body(incoming, CreateAppRequest)
        if not _APP_NAME.fullmatch(body.app_name):
            raise invalid("An app_name holds 1 to 128 letters, digits, '-' and '_'.")
        return Call(CreateApp(incoming.caller, self.rules, body.app_name, body.app_type), _render_created_app)

    async def parse_list(self, incoming: Incoming) -> Call[list[App]]:
        wanted = incoming.request.query.get("app_type")
        if wanted is not None and wanted not in list(AppType):
            known = ", ".join(AppType)
            raise unprocessable(("query", "app_type"), "enum", f"app_type is one of {known}.")
        type_ = AppType(wanted) if wanted is not None else None
        return Call(ListApps(incoming.caller, self.rules, type_), _render_apps)

    async def parse_get(self, incoming: Incoming) -> Call[App]:
        return Call(GetApp(incoming.caller, self.rules, _uuid(incoming, "app_id")), _render_app)

    async def parse_create_version(self, incoming: Incoming) -> Call[AppVersion]:
        app_id = _uuid(incoming, "app_id")
        body = await _body(incoming, CreateVersionRequest)
        if not _VERSION_NAME.fullmatch(body.version_name) or body.version_name in _RESERVED_VERSION_NAMES:
            raise invalid("A version_name holds 1 to 128 letters, digits, '.', '-' and '_', and is not 'current'.")
        active = body.status == "active"
        operation = CreateVersion(incoming.caller, self.rules, app_id, body.version_name, active)
        return Call(operation, _render_version)

    async def parse_list_versions(self, incoming: Incoming) -> Call[list[AppVersion]]:
        return Call(ListVersions(incoming.caller, self.rules, _uuid(incoming, "app_id")), _render_versions)

    async def parse_activate(self, incoming: Incoming) -> Call[tuple[AppVersion, list[UUID]]]:
        return Call(ActivateVersion(incoming.caller, self.rules, _uuid(incoming, "version_id")), _render_activation)

    async def parse_list_components(self, incoming: Incoming) -> Call[list[Component]]:
        return Call(ListComponents(incoming.caller, self.rules, _uuid(incoming, "version_id")), _render_components)

    async def parse_attach(self, incoming: Incoming) -> Call[Component]:
        version_id = _uuid(incoming, "version_id")
        body = await _body(incoming, AttachNotebookRequest)
        path = self.homes.path_of(incoming.caller, body.s3_key)
        return Call(Attach(incoming.caller, self.rules, version_id, body.s3_key, path), _render_component)

    async def parse_get_attached(self, incoming: Incoming) -> Call[Component]:
        version_id = _uuid(incoming, "version_id")
        return Call(GetAttachedNotebook(incoming.caller, self.rules, version_id), _render_component)


async def _body(incoming: Incoming, shape: type[T]) -> T:
    """The JSON body; what is wrong with it is UNPROCESSABLE with the faulty fields, as FastAPI answers."""
    try:
        return await incoming.json(shape)
    except UnicodeDecodeError as error:
        raise unprocessable(("body",), "json_invalid", "The request body is not UTF-8.") from error
    except Problem as problem:
        if problem.code is not Code.INVALID:
            raise
        kind = "json_invalid" if problem.reason is Reason.UNPARSABLE else "value_error"
        faults = problem.faults or (Fault((), kind, problem.detail),)
        located = tuple(_located(fault) for fault in faults)
        raise Problem(Code.UNPROCESSABLE, problem.detail, faults=located) from problem


def _located(fault: Fault) -> Fault:
    """The fault where FastAPI would place it: below ``body``, and a missing field at its own name."""
    if missing := _MISSING_FIELD.fullmatch(fault.message):
        return Fault(("body", *fault.location, missing[1]), "missing", "Field required")
    return Fault(("body", *fault.location), fault.kind, fault.message)


def _uuid(incoming: Incoming, name: str) -> UUID:
    try:
        return UUID(incoming.text(name))
    except ValueError as error:
        raise unprocessable(("path", name), "uuid_parsing", f"{name} is a UUID.") from error


def _render_created_app(app: App) -> web.Response:
    return json_response(json.encode(from_created_app(app)))


def _render_app(app: App) -> web.Response:
    return json_response(json.encode(from_app(app)))


def _render_apps(apps: list[App]) -> web.Response:
    return json_response(json.encode([from_app(app) for app in apps]))


def _render_version(version: AppVersion) -> web.Response:
    return json_response(json.encode(from_version(version)))


def _render_versions(versions: list[AppVersion]) -> web.Response:
    return json_response(json.encode([from_version(version) for version in versions]))


def _render_activation(result: tuple[AppVersion, list[UUID]]) -> web.Response:
    version, deactivated = result
    return json_response(json.encode(Activation(from_version(version), [str(id_) for id_ in deactivated])))


def _render_component(component: Component) -> web.Response:
    return json_response(json.encode(from_component(component)))


def _render_components(components: list[Component]) -> web.Response:
    return json_response(json.encode([from_component(component) for component in components]))
