"""Where an OCI address leads: workspace and contentPath to a gateway path, and back in the caller's own spelling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.contents.paths import ContentPath
from gateway.contents.problem import invalid, not_found
from gateway.dialects.dialect import Incoming

ROOT_ALIAS = "Workspace"


@dataclass(frozen=True, slots=True)
class Address:
    """A path in a workspace as the caller spelled it: ``/Workspace/a``, ``Workspace/a``, ``/a`` and ``a`` are one file.

    ``root`` is the gateway folder that the workspace's root means, ``inner`` the path below it (spec oci 2).
    """

    root: ContentPath
    inner: ContentPath
    has_slash: bool
    has_alias: bool

    @property
    def path(self) -> ContentPath:
        """The gateway path."""
        return self.root.join(self.inner)

    def below_root(self) -> ContentPath:
        """The gateway path of something that can be written; INVALID for the workspace itself."""
        if self.inner.is_root:
            raise invalid("The workspace itself cannot be saved, moved or deleted.")
        return self.path

    def at(self, text: str) -> Address:
        """Another path of the same workspace, as spelled where nothing is percent-encoded."""
        return _spelled(self.root, text)

    def spell(self, path: ContentPath) -> str:
        """A gateway path in this address's spelling.

        A folder that is itself called ``Workspace`` keeps the alias in front, or it would be taken for the root.
        """
        inner = path.relative_to(self.root)
        needs_alias = self.has_alias or inner.segments[:1] == (ROOT_ALIAS,)
        names = (ROOT_ALIAS, *inner.segments) if needs_alias else inner.segments
        return ("/" if self.has_slash else "") + "/".join(names)


@dataclass(frozen=True, slots=True)
class Workspaces:
    """The workspaces there are: (platform id, workspace key) to the gateway folder that is the workspace's root."""

    roots: Mapping[tuple[str, str], ContentPath]

    def address(self, incoming: Incoming) -> Address:
        """NOT_FOUND for an unknown platform or workspace, and for a blank path (spec oci 4)."""
        root = self.root(incoming)
        text = incoming.text("path")
        if not text.strip():
            raise not_found("The content path is blank; the root is '/Workspace'.")
        return root.at(text)

    def root(self, incoming: Incoming) -> Address:
        """The workspace itself, where the path is not in the URL. NOT_FOUND for an unknown platform or workspace."""
        root = self.roots.get((incoming.text("platform"), incoming.text("workspace")))
        if root is None:
            raise not_found("No such workspace.")
        return Address(root, ContentPath.ROOT, has_slash=True, has_alias=True)


def _spelled(root: ContentPath, text: str) -> Address:
    path = ContentPath.parse(text)
    address = Address(root, path, has_slash=text.startswith("/"), has_alias=False)
    if path.segments[:1] != (ROOT_ALIAS,):
        return address
    return replace(address, inner=ContentPath(path.segments[1:]), has_alias=True)
