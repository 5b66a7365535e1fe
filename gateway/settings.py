"""The settings of one gateway: a TOML file, over it the environment (``NBGW_SERVER__PORT=9000``), over it flags.

An unknown key stops the start, with the nearest known one as a suggestion.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from gateway.contents.paths import ContentPath
from gateway.sections import (
    AnyMount,
    Identity,
    JupyterDialect,
    Log,
    Nx1Dialect,
    OciDialect,
    OciKey,
    OciKeyList,
    Section,
    Server,
    State,
    Workspace,
)

ENVIRONMENT_PREFIX = "NBGW_"
NESTING = "__"
TEST_PREFIX = f"{ENVIRONMENT_PREFIX}TEST_"
"""Variables of the test suite, which are no settings and may be there while a test loads some."""


class ConfigurationError(Exception):
    """The configuration cannot be used; the message says where and how to mend it."""


class Settings(Section):
    """The whole configuration of one gateway."""

    server: Server = Server()
    state: State = State()
    log: Log = Log()
    identity: Identity = Identity()
    mounts: tuple[AnyMount, ...] = ()
    nx1: Nx1Dialect | None = None
    jupyter: JupyterDialect = JupyterDialect()
    oci: OciDialect = OciDialect()
    workspaces: tuple[Workspace, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if contradiction := next(_contradictions(self), None):
            raise ValueError(contradiction)
        return self

    def home(self) -> str | None:
        """The mount of the Jupyter server whose pages are shown; None where there is no Jupyter server."""
        servers = sorted((mount for mount in self.mounts if mount.kind == "jupyter"), key=lambda mount: not mount.root)
        return self.jupyter.home or (servers[0].name if servers else None)

    def doubts(self) -> Iterator[str]:
        """What is allowed, and hardly ever meant."""
        identity = self.identity
        if not self.mounts:
            yield "There are no mounts: add a [[mounts]] section."
        if not (identity.tokens or identity.psks or identity.keycloak or identity.takes_signatures()):
            yield "No credential is configured under [identity], so nobody can use the gateway."
        if self.nx1 and not (identity.psks or identity.keycloak):
            yield "The Nx1 API takes a pre-shared key or a Keycloak token, and neither is configured."
        if self.workspaces and not identity.takes_signatures():
            yield "The OCI API takes signed requests, and no identity.oci_keys are configured."
        if self.server.tls_cert is None and self.server.host not in ("127.0.0.1", "::1", "localhost"):
            yield f"Credentials travel in clear to {self.server.host} unless something in front of it adds TLS."


class _Environment(Settings, BaseSettings):
    """The same sections for the reader of environment variables; never made."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter=NESTING)


def load_settings(
    file: Path | None,
    flags: Mapping[str, Any] | None = None,
    *,
    defaults: Mapping[str, Any] | None = None,
    mounts: Iterable[Mapping[str, Any]] = (),
) -> Settings:
    """Read the file (or ``defaults`` in its place), the environment over it, and ``flags``, by section, over both.

    ``mounts`` join the others; a Jupyter server among them becomes the root unless there is one. ConfigurationError
    when something is wrong; it lists all that is.
    """
    values = _read(file) if file else dict(defaults or {})
    for layer in (_environment(), flags or {}):
        values = _merged(values, layer)
    values = _joined(values, mounts)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise ConfigurationError("\n".join(_complaint(fault) for fault in faults)) from error


def load_oci_keys(file: Path) -> tuple[OciKey, ...]:
    """The keys that the file of ``identity.oci_keys_file`` lists; relative paths in it are relative to its folder.

    OSError when it cannot be read; ConfigurationError, which does not name the file, lists all that is wrong in it.
    """
    try:
        keys = OciKeyList.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).oci_keys
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise ConfigurationError("\n".join(_complaint(fault, OciKeyList) for fault in faults)) from error
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if repeated := next(_repeated("oci_keys have the key_id", (key.key_id for key in keys)), None):
        raise ConfigurationError(repeated)
    return tuple(key.model_copy(update={"public_key": file.parent / key.public_key}) for key in keys)


def _contradictions(settings: Settings) -> Iterator[str]:
    names = [mount.name for mount in settings.mounts]
    homes = {mount.name for mount in settings.mounts if mount.homes and not mount.root}
    has_root = any(mount.root for mount in settings.mounts)
    yield from _repeated("mounts have the name", names)
    if sum(mount.root for mount in settings.mounts) > 1:
        yield "only one mount can be the root"
    if settings.nx1 is not None and settings.nx1.mount not in homes:
        yield f"nx1.mount must name a mount with homes = true that is not the root, not {settings.nx1.mount!r}"
    buckets = {mount.name for mount in settings.mounts if mount.kind == "nx1"}
    if settings.state.uploads_mount is not None and settings.state.uploads_mount not in buckets:
        yield f"state.uploads_mount must name a mount of kind nx1, not {settings.state.uploads_mount!r}"
    servers = {mount.name for mount in settings.mounts if mount.kind == "jupyter"}
    if settings.jupyter.home is not None and settings.jupyter.home not in servers:
        yield f"jupyter.home must name a mount of kind jupyter, not {settings.jupyter.home!r}"
    if settings.jupyter.login == "upstream":
        yield from _missing_login(settings)
    for workspace in settings.workspaces:
        first = ContentPath.parse(workspace.folder).segments[:1]
        if not has_root and not set(first) <= set(names):
            yield f"the workspace folder {workspace.folder!r} must begin with the name of a mount"
    identity = settings.identity
    yield from _repeated("workspaces are", (f"{w.platform_id} {w.workspace_key}" for w in settings.workspaces))
    yield from _repeated("identity.oci_keys have the key_id", (key.key_id for key in identity.oci_keys))
    yield from _repeated("identity.oci_token_issuers are", (each.issuer for each in identity.oci_token_issuers))
    yield from _shared_secrets("tokens", ((grant.digest, grant.user) for grant in identity.tokens))
    yield from _shared_secrets("psks", ((grant.sha256, grant.user) for grant in identity.psks))


def _missing_login(settings: Settings) -> Iterator[str]:
    """Why no server's login can be in charge."""
    home = next((mount for mount in settings.mounts if mount.name == settings.home()), None)
    if home is None:
        yield 'jupyter.login = "upstream" needs a mount of kind jupyter'
    elif home.is_personal:
        yield f'jupyter.login = "upstream" needs one server for all, and {home.name!r} is another one for each user'


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    """Where two entries share a name, nobody knows which one counts."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"two {what} {name!r}"
        seen.add(name)


def _shared_secrets(kind: str, grants: Iterable[tuple[str, str | None]]) -> Iterator[str]:
    """Whose secrets are the same; a digest says nothing to a reader, and is nothing for a log."""
    owners: dict[str, str] = {}
    for digest, user in grants:
        owner = "the platform" if user is None else repr(user)
        if digest in owners:
            yield f"two identity.{kind} are the same secret: of {owners[digest]} and of {owner}"
        owners[digest] = owner


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}") from error


def _environment() -> dict[str, Any]:
    """The settings among the environment variables. One that is misspelt must not pass in silence."""
    if complaints := list(_unknown_variables()):
        raise ConfigurationError("\n".join(complaints))
    try:
        return EnvSettingsSource(_Environment)()
    except SettingsError as error:
        names = ", ".join(_variables_with(error.__cause__))
        raise ConfigurationError(f"{names}: lists and sections are given as JSON, which this is not") from error


def _variables_with(fault: BaseException | None) -> list[str]:
    """The variables whose value is the text that could not be read, which only the fault itself still knows."""
    text = fault.doc if isinstance(fault, json.JSONDecodeError) else None
    ours = {name.upper(): value for name, value in os.environ.items() if name.upper().startswith(ENVIRONMENT_PREFIX)}
    return sorted(name for name, value in ours.items() if text in (None, value))


def _unknown_variables() -> Iterator[str]:
    known = {f"{ENVIRONMENT_PREFIX}{name.upper()}": name for name in Settings.model_fields}
    for variable in map(str.upper, os.environ):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable.startswith(TEST_PREFIX):
            continue
        if variable.partition(NESTING)[0] not in known:
            yield f"{variable}: unknown setting{_suggestion(variable, _plain_variables())}"


def _plain_variables() -> list[str]:
    """The names of all variables that lead to a setting outside lists."""
    sections = {name: _fields(name) for name in Settings.model_fields}
    plain = [(name, key) for name, keys in sections.items() for key in keys if name not in ("mounts", "workspaces")]
    return [f"{ENVIRONMENT_PREFIX}{NESTING.join(parts)}".upper() for parts in [*plain, *((n,) for n in sections)]]


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _joined(values: Mapping[str, Any], mounts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What is no list of tables is left for the validation to complain about."""
    given = values.get("mounts", [])
    if not isinstance(given, list | tuple) or not all(isinstance(each, Mapping) for each in given):
        return dict(values)
    has_root = any(each.get("root") for each in given)
    added = [{**each, "root": each["kind"] == "jupyter" and not has_root} for each in mounts]
    return {**values, "mounts": [*given, *added]}


def _complaint(fault: ErrorDetails, shape: type[BaseModel] = Settings) -> str:
    location = fault["loc"]
    if fault["type"] == "extra_forbidden":
        return f"{_place(location)}: unknown setting{_suggestion_at(location, shape)}"
    if fault["type"].startswith("union_tag_"):
        return f"{_place(location)}.kind: one of {', '.join(_KINDS)}{_suggestion_of_kind(fault)}"
    if fault["type"] == "tuple_type" and location in (("mounts",), ("workspaces",), ("oci_keys",)):
        return f"{_place(location)}: write its sections as [[{location[0]}]], with two brackets"
    message = _PLAINER.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    return f"{_place(location)}: {message}" if location else message


def _place(location: tuple[int | str, ...]) -> str:
    """``mounts[0].bucket``, as the file has it, or the environment variable that it came from."""
    if _is_variable(variable := _variable(location)):
        return variable
    text = ""
    for number, step in enumerate(location):
        is_kind = number == 2 and location[0] == "mounts"  # pydantic puts the kind after the index
        if not is_kind:
            text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")


def _variable(location: Iterable[int | str]) -> str:
    return f"{ENVIRONMENT_PREFIX}{NESTING.join(map(str, location))}".upper()


def _is_variable(name: str) -> bool:
    return name in map(str.upper, os.environ)


def _fields(*location: int | str, below: type[BaseModel] = Settings) -> list[str]:
    """The names of the settings that are known at a place."""
    shapes = [below]
    for step in location:
        if isinstance(step, int):
            continue
        named = [shape.model_fields[step].annotation for shape in shapes if step in shape.model_fields]
        shapes = [inner for each in named for inner in _shapes(each)] or [s for s in shapes if _is_kind(s, step)]
    return [name for shape in shapes for name in shape.model_fields]


def _shapes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _shapes(inner)


def _is_kind(shape: type[BaseModel], kind: str) -> bool:
    return "kind" in shape.model_fields and kind in get_args(shape.model_fields["kind"].annotation)


_KINDS = [kind for shape in _shapes(AnyMount) for kind in get_args(shape.model_fields["kind"].annotation)]
_KINDS_BY_OTHER_NAMES = {"s3": "nx1", "folder": "local", "file": "local", "lab": "jupyter", "oracle": "oci"}
_PLAINER = {
    "path_type": "a path, in quotes",
    "string_pattern_mismatch": "letters, digits, - and _, at most 63 of them, a letter or digit first",
}
"""Where pydantic speaks of Python or of patterns. The only pattern is the one of mount names."""


def _suggestion_at(location: tuple[int | str, ...], shape: type[BaseModel]) -> str:
    """The nearest known name beside an unknown one, spelled as it was: a key of the file, or a variable."""
    *section, key = location
    known = {name: name for name in _fields(*section, below=shape)}
    if _is_variable(_variable(location)):
        known = {name: _variable((*section, name)) for name in known}
    nearest = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
    return f"; did you mean {known[nearest[0]]!r}?" if nearest else ""


def _suggestion_of_kind(fault: ErrorDetails) -> str:
    given = str(fault.get("ctx", {}).get("tag", "")).lower()
    other = _KINDS_BY_OTHER_NAMES.get(given)
    return f"; did you mean {other!r}?" if other else _suggestion(given, _KINDS)


def _suggestion(key: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
