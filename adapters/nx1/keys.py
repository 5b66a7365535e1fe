"""Names in the bucket: which key a path has, how folders are marked, and where the gateway keeps what is its own.

The inner path is the key itself. ``dir/`` marks an empty folder (the style the gateway writes); ``dir_$folder$`` is the
older style of Hadoop's tools, understood on reading. Private prefixes stand at the bucket's root, out of every listing.
"""

from __future__ import annotations

import secrets

from gateway.contents.model import sha256_hex
from gateway.contents.paths import MAX_PATH_BYTES, ContentPath, is_plain_name
from gateway.contents.problem import invalid, not_found

CHECKPOINT_ID = "checkpoint"
MAX_KEY_BYTES = 1024

_CHECKPOINTS = ".ipynb_checkpoints"
_OWN = ".nbgw"
_PRIVATE = frozenset({_CHECKPOINTS, _OWN})
_OLD_MARKER = "_$folder$"


def key_of(path: ContentPath) -> str:
    """The key of a file. NOT_FOUND for what is private, INVALID for what no key can name; the root has no key."""
    if path.is_root:
        raise invalid("The root is a directory.")
    if path.segments[0] in _PRIVATE:
        raise not_found()
    if path.name.endswith(_OLD_MARKER):
        raise invalid(f"Names that end in {_OLD_MARKER} mark folders in this store.")
    return _checked(str(path))


def prefix_of(directory: ContentPath) -> str:
    """What the keys of everything in the directory begin with; also the key of its marker."""
    return "" if directory.is_root else f"{key_of(directory)}/"


def old_marker_of(directory: ContentPath) -> str:
    """The folder's marker in the style of Hadoop's tools."""
    return f"{key_of(directory)}{_OLD_MARKER}"


def listed_name(key: str, prefix: str) -> tuple[str, bool] | None:
    """The name by which a listed key or common prefix appears in its directory, and whether as a folder.

    None for the directory's own marker, private names, and names that cannot be addressed.
    """
    tail = key.removeprefix(prefix)
    is_folder = tail.endswith(("/", _OLD_MARKER))
    name = tail.removesuffix("/").removesuffix(_OLD_MARKER)
    if not is_plain_name(name) or (not prefix and name in _PRIVATE):
        return None
    return name, is_folder


def checkpoint_key(path: ContentPath) -> str:
    """Where the file's one checkpoint is kept."""
    return checkpoint_of(key_of(path))


def checkpoint_of(key: str) -> str:
    """The same for the key of a file. Beside those of its folder, unless that would be too long a key: then apart."""
    return apart_checkpoint_of(key) or f"{_CHECKPOINTS}/{key}/{CHECKPOINT_ID}"


def apart_checkpoint_of(key: str) -> str | None:
    """Where the checkpoint of a file is kept that ``checkpoints_prefix`` does not find; None for most files."""
    if is_possible(f"{_CHECKPOINTS}/{key}/{CHECKPOINT_ID}"):
        return None
    return f"{_CHECKPOINTS}/{_OWN}/{sha256_hex(key.encode())}/{CHECKPOINT_ID}"


def owner_of(checkpoint: str) -> str:
    """The key of the file whose checkpoint stands at a key found below ``checkpoints_prefix``; "" for anything else."""
    if not checkpoint.endswith(f"/{CHECKPOINT_ID}"):
        return ""
    return checkpoint.removeprefix(f"{_CHECKPOINTS}/").removesuffix(f"/{CHECKPOINT_ID}")


def checkpoints_prefix(path: ContentPath) -> str:
    """What the keys of all checkpoints of the file, or of all files below the directory, begin with."""
    return f"{_CHECKPOINTS}/{key_of(path)}/"


def probe_key() -> str:
    """A key that no other replica's probe uses."""
    return f"{_OWN}/probe-{secrets.token_hex(8)}"


def is_possible(key: str) -> bool:
    """Whether S3 could hold such a key at all; asked for a longer one, it answers with an error."""
    return len(key.encode()) <= MAX_KEY_BYTES


def _checked(key: str) -> str:
    if len(key.encode()) > MAX_PATH_BYTES:
        raise invalid(f"The path is longer than {MAX_PATH_BYTES} bytes in the store.")
    return key
