"""What can be configured: every section of the configuration as a typed, frozen shape. Secrets hide from repr."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from gateway.contents.apps import AppType
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem

MEBIBYTE = 1 << 20
STATE_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")

_DIGEST = re.compile(r"[0-9a-f]{64}")
_BRACES = re.compile(r"[{}]")
_BASE_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_ORIGIN = re.compile(r"(https?)://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_NOTHING = hashlib.sha256(b"").hexdigest()


def _content_path(text: str) -> str:
    """A path in the gateway or a store: refused here rather than when the first request needs it."""
    try:
        ContentPath.parse(text)
    except Problem as problem:
        raise ValueError(problem.detail) from problem
    return text


def _web_address(text: str) -> str:
    """An address without credentials: those have settings of their own, which hide."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("give a whole address, such as https://host:8443/path")
    if "@" in parts.netloc:
        raise ValueError("a user or password in the address is not used; give the credential in its own setting")
    return text


def _server_address(text: str) -> str:
    """A web address in whose path ``{user}`` may stand for the caller's name; never in the host, which a name must not
    choose."""
    parts = urlsplit(text)
    if _BRACES.search(parts.netloc) or _BRACES.search(text.replace("/{user}", "")) or parts.query or parts.fragment:
        raise ValueError("only {user} can stand in the address, as a whole part of its path: https://hub/user/{user}")
    return text


def _base_path(text: str) -> str:
    """``/some/path``, as it stands in URLs: no escapes, no slash at the end."""
    if text and not _BASE_PATH.fullmatch(text):
        raise ValueError("begin with a slash and end without one, such as /notebooks")
    return text


def _origin(text: str) -> str:
    """An origin as browsers spell it, so that it can be compared letter for letter."""
    parts = _ORIGIN.fullmatch(text)
    if parts is None or parts[2] == _DEFAULT_PORTS[parts[1]]:
        raise ValueError("an origin as browsers send it, such as https://host:8443: lower case, no path, no usual port")
    return text


def _state_url(text: str) -> str:
    driver = text.partition("://")[0]
    if "://" not in text or driver not in STATE_DRIVERS:
        raise ValueError(f"the address must start with {' or '.join(f'{known}://' for known in STATE_DRIVERS)}")
    package = driver.partition("+")[2]
    if find_spec(package) is None:
        raise ValueError(f"this needs the package {package}, which is not installed beside the gateway")
    return text


def _digest_of_something(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError("64 hex digits, in lower case: printf %s SECRET | sha256sum")
    if digest == _NOTHING:
        raise ValueError("this is the digest of an empty secret")
    return digest


MountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Sha256 = Annotated[str, AfterValidator(_digest_of_something)]
Origin = Annotated[str, AfterValidator(_origin)]
BasePath = Annotated[str, AfterValidator(_base_path)]
Folder = Annotated[str, AfterValidator(_content_path)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
ServerAddress = Annotated[str, AfterValidator(_web_address), AfterValidator(_server_address)]
StateUrl = Annotated[str, AfterValidator(_state_url)]


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """Where the gateway listens and what it accepts."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8888, ge=0, le=65535)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    base_path: BasePath = ""
    origins: tuple[Origin, ...] = ()
    max_body_bytes: int = Field(default=100 * MEBIBYTE, gt=0)
    max_message_bytes: int = Field(default=64 * MEBIBYTE, gt=0)
    shutdown_seconds: float = Field(default=20, gt=0)

    @model_validator(mode="after")
    def _both_or_neither(self) -> Server:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together")
        return self


class State(Section):
    """The store for what replicas share. Its address may hold a password."""

    url: StateUrl = Field(default="sqlite+aiosqlite:///nbgateway.db", repr=False)
    uploads_folder: Path = Path("nbgateway-uploads")
    uploads_mount: MountName | None = None
    shared_locks: bool = False


class Log(Section):
    """How the log is written, always to standard error."""

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Mount(Section):
    """What every kind of mount has."""

    name: MountName
    root: bool = False
    homes: bool = False
    readers: tuple[str, ...] = ("*",)
    writers: tuple[str, ...] = ("*",)
    runners: tuple[str, ...] | None = None

    def who_may_run(self) -> tuple[str, ...]:
        """Whoever may write, unless it is said; nobody where callers have homes, as kernels see everybody's."""
        if self.runners is not None:
            return self.runners
        return () if self.homes else self.writers

    def options(self) -> dict[str, Any]:
        """What the adapter's factory takes: everything that is not about the mount itself."""
        common = set(Mount.model_fields) | {"kind"}
        return {key: _revealed(getattr(self, key)) for key in type(self).model_fields if key not in common}

    @property
    def is_personal(self) -> bool:
        """Whether each user has a store of their own behind it."""
        return False

    def stands_on(self) -> tuple[str, str]:
        """The store and the folder in it, where two mounts may overlap and the store keeps no conditions by itself."""
        return "", ""


class LocalMount(Mount):
    """A folder of this machine."""

    kind: Literal["local"]
    folder: Path

    def options(self) -> dict[str, Any]:
        return {"root": str(self.folder)} | ({"homes": True} if self.homes else {})


class Nx1Mount(Mount):
    """The Nx1 notebooks bucket, or any S3 bucket. Without keys the usual AWS_* chain applies."""

    kind: Literal["nx1"]
    bucket: str = Field(min_length=1)
    endpoint_url: WebAddress | None = None
    region: str = "us-east-1"
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    create_bucket: bool = False

    def stands_on(self) -> tuple[str, str]:
        return f"{self.endpoint_url or 'aws'} {self.bucket}", ""

    @model_validator(mode="after")
    def _key_pair(self) -> Nx1Mount:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together")
        return self


class JupyterMount(Mount):
    """An upstream jupyter_server; with ``{user}`` in its address, one for each user."""

    kind: Literal["jupyter"]
    url: ServerAddress
    token: SecretStr | None = None
    folder: Folder = ""

    @property
    def is_personal(self) -> bool:
        return "{user}" in self.url

    def stands_on(self) -> tuple[str, str]:
        return self.url.rstrip("/"), self.folder


class OciMount(Mount):
    """An OCI AI Data Platform workspace, reached with a profile of ``~/.oci/config``."""

    kind: Literal["oci"]
    endpoint: WebAddress
    platform_id: str = Field(min_length=1)
    workspace_key: str = Field(min_length=1)
    folder: Folder = "Workspace"
    profile: str = "DEFAULT"
    config_file: str = "~/.oci/config"
    generation: Literal["20260430", "20240831"] = "20260430"
    base_path: str = ""
    cluster_id: str | None = None


AnyMount = Annotated[LocalMount | Nx1Mount | JupyterMount | OciMount, Field(discriminator="kind")]


class TokenGrant(Section):
    """A Jupyter token: the token itself, or its sha256, and whose it is."""

    user: str = Field(min_length=1)
    token: Annotated[SecretStr, Field(min_length=1)] | None = None
    sha256: Sha256 | None = None
    roles: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> TokenGrant:
        if (self.token is None) == (self.sha256 is None):
            raise ValueError("give either token or sha256")
        return self

    @property
    def digest(self) -> str:
        """The sha256 by which the token is known, whichever form the file has."""
        if self.token is None:
            return self.sha256 or ""
        return hashlib.sha256(self.token.get_secret_value().encode()).hexdigest()


class PskGrant(Section):
    """An Nx1 pre-shared key as sha256; without a user it is the platform's key, which owns no home."""

    sha256: Sha256
    user: str | None = Field(default=None, min_length=1)
    roles: tuple[str, ...] = ()


class Keycloak(Section):
    """The issuer of bearer tokens; keys are fetched from its JWKS endpoint."""

    issuer: WebAddress
    audience: str | None = None
    jwks_url: WebAddress | None = None


class OciKey(Section):
    """Who signs with which key."""

    key_id: str = Field(min_length=1)
    public_key: Path
    user: str = Field(min_length=1)
    roles: tuple[str, ...] = ()


class OciKeyList(Section):
    """The file beside the configuration that says who else signs, and may change while the gateway runs.

    It must say so where there is nobody: a file that is just being written is empty, too.
    """

    oci_keys: tuple[OciKey, ...]


class OciTokenIssuer(Section):
    """An issuer of session tokens (``ST$``); its keys are fetched from ``jwks_url``, or there is one in a PEM file.

    ``user_claim`` says who a token's holder is here. Users of all credentials are told apart by name alone, so take the
    claim that has the name which the other credentials give the same user, and trust no issuer that may name others.
    """

    issuer: str = Field(min_length=1)
    jwks_url: WebAddress | None = None
    public_key: Path | None = None
    audience: str | None = None
    user_claim: str = Field(default="sub", min_length=1)
    key_claim: str = Field(default="jwk", min_length=1)
    roles: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> OciTokenIssuer:
        if (self.jwks_url is None) == (self.public_key is None):
            raise ValueError("give either jwks_url or public_key")
        return self


class Identity(Section):
    """The four credentials; a kind without entries is not accepted."""

    tokens: tuple[TokenGrant, ...] = ()
    psks: tuple[PskGrant, ...] = ()
    keycloak: Keycloak | None = None
    oci_keys: tuple[OciKey, ...] = ()
    oci_keys_file: Path | None = None
    oci_token_issuers: tuple[OciTokenIssuer, ...] = ()
    oci_hosts: tuple[str, ...] = ()
    oci_min_key_bits: int = Field(default=2048, gt=0)
    oci_replay_defence: bool = False

    def takes_signatures(self) -> bool:
        """Whether anybody could sign a request."""
        return bool(self.oci_keys or self.oci_keys_file or self.oci_token_issuers)


class Nx1Dialect(Section):
    """Which mount holds the homes that the Nx1 API speaks of."""

    mount: MountName
    notebook_app_types: tuple[AppType, ...] = (AppType.NOTEBOOK_PIPELINE, AppType.FULL_PIPELINE)
    max_upload_bytes: int = Field(default=50 * MEBIBYTE, gt=0)
    manager_role: str = "nx1_app_manager"


class JupyterDialect(Section):
    """``home`` is the mount of kind jupyter whose pages are shown, by default the root one, or else the first.

    ``login`` says whose login is in charge: the gateway's own, or that server's.
    """

    home: MountName | None = None
    login: Literal["gateway", "upstream"] = "gateway"


class OciDialect(Section):
    """Which generations of the OCI API are served, and whether directories are listed as the older ones did."""

    generations: tuple[Literal["20260430", "20240831"], ...] = Field(default=("20260430",), min_length=1)
    lists_directories: bool = False


class Workspace(Section):
    """Which gateway folder the root of an OCI workspace means."""

    platform_id: str = Field(min_length=1)
    workspace_key: str = Field(min_length=1)
    folder: Folder


def _revealed(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
