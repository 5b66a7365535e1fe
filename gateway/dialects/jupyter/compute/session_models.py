"""A session between the server's words and the caller's."""

from __future__ import annotations

import msgspec

from gateway.contents.fleet import Fleet
from gateway.contents.server import Server
from gateway.dialects.jupyter.compute.answers import Model, decoded, raw, text_of
from gateway.dialects.jupyter.compute.kernels import kernel_model
from gateway.dialects.jupyter.compute.questions import KernelFields

_NULL = msgspec.Raw(b"null")


class LegacyFields(msgspec.Struct):
    """The form of old clients, ``{"notebook": {"path"}}``, which models have beside the present one."""

    path: str | None = None
    name: str | None = None


class SessionBody(msgspec.Struct):
    """POST and PATCH."""

    path: str | None = None
    name: str | None = None
    type: str | None = None
    kernel: KernelFields | None = None
    notebook: LegacyFields | None = None

    def place(self) -> str | None:
        """The path in whichever form; a name alone was once one."""
        if self.notebook is None:
            return self.path
        return self.notebook.path or self.notebook.name or self.path


def session_model(fleet: Fleet, server: Server, model: Model) -> Model | None:
    """The session as the caller knows it; None where the caller may not."""
    path = server.path(text_of(model, "path"))
    if path is None:
        return None
    changed = {"path": raw(str(path))}
    if (kernel := model.get("kernel", _NULL)) != _NULL:
        changed["kernel"] = raw(kernel_model(fleet, server, decoded(kernel, Model)))
    if "notebook" in model:
        changed["notebook"] = raw(decoded(model["notebook"], Model) | {"path": raw(str(path))})
    return model | changed


def session_fields(body: SessionBody, fields: Model, address: str | None, kernel_name: str | None) -> Model:
    """What the server is sent: the body's fields, the path and the kernel's name as the server has them."""
    sent = {key: value for key, value in fields.items() if key not in ("path", "kernel", "notebook")}
    if body.notebook is not None:
        sent["type"] = raw("notebook")
    if address is not None:
        sent["path"] = raw(address)
    named = {"id": body.kernel.id if body.kernel else None, "name": kernel_name}
    if kernel := {key: value for key, value in named.items() if value}:
        sent["kernel"] = raw(kernel)
    return sent
