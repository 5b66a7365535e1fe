"""Backend kind -> dotted factory: an adapter is imported only when a mount of its kind is configured."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from gateway.contents.backend import Backend
from gateway.wire.client import UpstreamClient

FACTORIES: Mapping[str, str] = {
    "local": "adapters.local.backend:create",
    "nx1": "adapters.nx1.backend:create",
    "jupyter": "adapters.jupyter.backend:create",
    "oci": "adapters.oci.backend:create",
}


def create_backend(kind: str, client: UpstreamClient, options: Mapping[str, Any]) -> Backend:
    """Make a backend of the kind; ``options`` are the mount's own settings, as the factory's keyword arguments."""
    module, _, name = FACTORIES[kind].partition(":")
    backend: Backend = getattr(import_module(module), name)(client, **options)
    return backend
