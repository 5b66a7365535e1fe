"""Every setting, typed: a TOML file, over it the environment (``NBGW_SERVER__PORT=9000``), over it flags. Secrets hide.

An unknown key stops the start, with the nearest known one as a suggestion.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.contents.apps import AppType

MEBIBYTE = 1 << 20
ENVIRONMENT_PREFIX = "NBGW_"

MountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ConfigurationError(Exception):
    """The configuration cannot be used; the message says where and how to mend it."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Section):
    """Where the gateway listens and what it accepts."""

    host: str = "127.0.0.1"
    port: int = Field(default=8888, ge=0, le=65535)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    max_body_bytes: int = Field(default=100 * MEBIBYTE, gt=0)
    shutdown_seconds: float = Field(default=20, gt=0)

    @model_validator(mode="after")
    def _both_or_neither(self) -> Server:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together")
        return self


class State(_Section):
    """The store for what replicas share."""

    url: str = "sqlite+aiosqlite:///nbgateway.db"
    uploads_folder: Path = Path("nbgateway-uploads")
    shared_locks: bool = False


class Log(_Section):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class _Mount(_Section):
    name: MountName
    root: bool = False
    homes: bool = False
    readers: tuple[str, ...] = ("*",)
    writers: tuple[str, ...] = ("*",)

    def options(self) -> dict[str, Any]:
        """What the adapter's factory takes: everything that is not about the mount itself."""
        common = set(_Mount.model_fields) | {"kind"}
        return {key: _revealed(getattr(self, key)) for key in type(self).model_fields if key not in common}


class LocalMount(_Mount):
    """A folder of this machine."""

    kind: Literal["local"]
    folder: Path

    def options(self) -> dict[str, Any]:
        return {"root": str(self.folder)}


class Nx1Mount(_Mount):
    """The Nx1 notebooks bucket, or any S3 bucket. Without keys the usual AWS_* chain applies."""

    kind: Literal["nx1"]
    bucket: str
    endpoint_url: str | None = None
    region: str = "us-east-1"
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    create_bucket: bool = False


class JupyterMount(_Mount):
    """An upstream jupyter_server."""

    kind: Literal["jupyter"]
    url: str
    token: SecretStr | None = None
    folder: str = ""


class OciMount(_Mount):
    """An OCI AI Data Platform workspace, reached with an API key of a ``~/.oci/config`` profile."""

    kind: Literal["oci"]
    endpoint: str
    platform_id: str
    workspace_key: str
    folder: str = "Workspace"
    profile: str = "DEFAULT"
    config_file: str = "~/.oci/config"
    version: str = "20260430"
    collection: str = "aiDataPlatforms"
    base_path: str = ""


AnyMount = Annotated[LocalMount | Nx1Mount | JupyterMount | OciMount, Field(discriminator="kind")]


class TokenGrant(_Section):
    """A Jupyter token: the token itself, or its sha256, and whose it is."""

    user: str
    token: SecretStr | None = None
    sha256: Sha256 | None = None
    roles: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> TokenGrant:
        return _exactly_one(self, "token", "sha256")


class PskGrant(_Section):
    """An Nx1 pre-shared key as sha256; without a user it is the platform's key, which owns no home."""

    sha256: Sha256
    user: str | None = None
    roles: tuple[str, ...] = ()


class Keycloak(_Section):
    """The issuer of bearer tokens; keys are fetched from its JWKS endpoint."""

    issuer: str
    audience: str | None = None
    jwks_url: str | None = None


class OciKey(_Section):
    """Who signs with which key."""

    key_id: str
    public_key: Path
    user: str
    roles: tuple[str, ...] = ()


class Identity(_Section):
    """The four credentials; a kind without entries is not accepted."""

    tokens: tuple[TokenGrant, ...] = ()
    psks: tuple[PskGrant, ...] = ()
    keycloak: Keycloak | None = None
    oci_keys: tuple[OciKey, ...] = ()
    oci_hosts: tuple[str, ...] = ()
    oci_min_key_bits: int = 2048


class Nx1Dialect(_Section):
    """Which mount holds the homes that the Nx1 API speaks of."""

    mount: MountName
    notebook_app_types: tuple[AppType, ...] = (AppType.NOTEBOOK_PIPELINE, AppType.FULL_PIPELINE)
    max_upload_bytes: int = Field(default=50 * MEBIBYTE, gt=0)
    manager_role: str = "nx1_app_manager"


class Workspace(_Section):
    """Which gateway folder the root of an OCI workspace means."""

    platform_id: str
    workspace_key: str
    folder: str


class Settings(BaseSettings):
    """The whole configuration of one gateway."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: Server = Server()
    state: State = State()
    log: Log = Log()
    identity: Identity = Identity()
    mounts: tuple[AnyMount, ...] = ()
    nx1: Nx1Dialect | None = None
    workspaces: tuple[Workspace, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment overrides the file."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        names = [mount.name for mount in self.mounts]
        if len(names) != len(set(names)):
            raise ValueError("two mounts have the same name")
        if sum(mount.root for mount in self.mounts) > 1:
            raise ValueError("only one mount can be the root")
        homes = {mount.name for mount in self.mounts if mount.homes and not mount.root}
        if self.nx1 is not None and self.nx1.mount not in homes:
            raise ValueError(f"nx1.mount must name a mount with homes = true, not {self.nx1.mount!r}")
        return self


def load_settings(file: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the file, the environment and ``overrides`` (flags, by section). ConfigurationError when it is wrong."""
    values = _merged(_read(file) if file else {}, overrides or {})
    if complaints := [*_unknown_keys(Settings, values), *_unknown_variables()]:
        raise ConfigurationError("\n".join(complaints))
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError("\n".join(lines)) from error


def url_with_token(base: str, token: str) -> str:
    """The address a person opens, as Jupyter prints it."""
    return f"{base}/?token={quote(token, safe='')}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}") from error


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


_MOUNT_KINDS: dict[str, type[_Mount]] = {
    "local": LocalMount,
    "nx1": Nx1Mount,
    "jupyter": JupyterMount,
    "oci": OciMount,
}
_LISTED: dict[str, type[BaseModel]] = {
    "identity.tokens": TokenGrant,
    "identity.psks": PskGrant,
    "identity.oci_keys": OciKey,
    "workspaces": Workspace,
}
_SECTIONS: dict[str, type[BaseModel]] = {
    "server": Server,
    "state": State,
    "log": Log,
    "identity": Identity,
    "identity.keycloak": Keycloak,
    "nx1": Nx1Dialect,
}


def _unknown_keys(shape: type[BaseModel], values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        if key not in shape.model_fields:
            yield f"{here}: unknown setting{_suggestion(key, shape.model_fields)}"
        elif isinstance(value, Mapping) and here in _SECTIONS:
            yield from _unknown_keys(_SECTIONS[here], value, here)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                inner = _MOUNT_KINDS.get(str(item.get("kind"))) if here == "mounts" else _LISTED.get(here)
                if inner is not None:
                    yield from _unknown_keys(inner, item, f"{here}[{number}]")


def _unknown_variables() -> Iterator[str]:
    """Environment variables with our prefix that name no section: misspelt settings must not pass in silence."""
    for variable in os.environ:
        section = re.split("__", variable.removeprefix(ENVIRONMENT_PREFIX))[0].lower()
        known = {*Settings.model_fields, "test"}
        if variable.startswith(ENVIRONMENT_PREFIX) and section.split("_")[0] not in known:
            yield f"{variable}: unknown setting{_suggestion(section, known)}"


def _suggestion(key: str, known: Mapping[str, Any] | set[str]) -> str:
    nearest = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _revealed(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _exactly_one(grant: TokenGrant, *names: str) -> TokenGrant:
    if sum(getattr(grant, name) is not None for name in names) != 1:
        raise ValueError(f"give exactly one of {', '.join(names)}")
    return grant
