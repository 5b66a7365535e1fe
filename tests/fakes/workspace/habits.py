"""The emulated workspace's switches: what Oracle does not publish, is seen to do at times, or could not help doing.

Every conclusion that nobody has checked on the live service is a switch, so that a later finding changes a default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from aiohttp import web

CLUSTER_ID = "c1a5e9d2-0000-4000-8000-emulated0001"
"""A cluster that runs, unless a test says otherwise."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


@dataclass
class Habits:
    """Fields may be set at any time; they hold from the next request on."""

    # Addresses (spec oci 2, 13.2-13.4)
    lenient_paths: bool = False
    """Contents take ``//Workspace/a`` beside the one encoded segment."""
    api_prefix: bool = False
    """``/api/20260430/...`` is served too."""

    # Contents (spec oci 4, 14)
    put_creates: bool = True
    recursive_delete: bool = True
    lists_directories: bool = False
    patch_replaces: bool = False
    """A rename takes the place of what stands at its target, instead of being refused."""
    renames_across_folders: bool = True
    copies_files: bool = True
    """``copy_from`` takes any file, not only notebooks."""
    chunked_uploads: bool = True
    hashes: bool = True
    """``hash=1`` is answered; the service is free to ignore it."""
    refuses_unknown_fields: bool = True
    body_path_must_fit: bool = True
    """``name`` and ``path`` in the body of a save are those of the address, or the save is refused."""
    missing_is_internal_error: bool = False
    reason_alone: bool = False
    """``bad type`` and ``bad format`` come without ``code``, as a Jupyter server words them."""

    # Etags (spec oci 3.4)
    etag_form: str = "{}"
    etags_after_patch_change: bool = True
    etag_without_content: bool = True
    """``content=0`` is answered with an etag, too."""
    quoted_if_match: bool = True
    """``"x"`` matches an etag that was handed out as ``x``."""
    if_match_on_absent: Literal[404, 412] = 412
    conditional_methods: frozenset[str] = METHODS
    """The methods of contents that heed if-match."""
    object_etags_apart: bool = False
    """The ``etag`` of the objects API is another value than that of contents for the same revision."""
    composite_etag_matches: bool = False
    """The objects API takes a compositeEtag as if-match, too."""

    # The form of answers (spec oci 3.6, 4.1, 8)
    leading_slash: bool = True
    numeric_dates: bool = False
    null_format: str | None = "NULL"
    """What ``format`` says without content."""
    sparse_models: bool = False
    """Optional fields are missing, unknown ones are there."""
    work_requests: bool = False
    """Changes are answered with an opc-work-request-id."""
    export_as_object: bool = False
    """An exported notebook is an object whose sources are single strings, instead of a JSON text."""
    sessions_as_array: bool = False

    # Objects (spec oci 6)
    types_from_names: bool = True
    """``.ipynb`` makes a NOTEBOOK, whatever type it was created with."""
    ascii_headers: bool = True
    """A ``path`` header that is not ASCII is refused."""
    copies_folders: bool = True
    par: bool = True
    par_creates_at_once: bool = False
    """An empty file stands at the path while the bytes of a PAR upload are still expected."""
    async_objects: bool = False
    async_polls: int = 2
    async_outcome: Literal["SUCCEEDED", "FAILED", "CANCELED"] = "SUCCEEDED"
    default_page: int = 25
    max_page: int = 100

    # Sessions (spec oci 5)
    clusters: dict[str, Literal["RUNNING", "STOPPED"]] = field(default_factory=lambda: {CLUSTER_ID: "RUNNING"})
    cluster_required: bool = True
    stopped_cluster_status: Literal[400, 404] = 400
    session_polls: int = 2
    """A session is CREATING, without a kernel, for so many GETs."""
    session_outcome: Literal["ACTIVE", "FAILED"] = "ACTIVE"
    session_delete_polls: int = 0
    """A deleted session is still there for so many GETs."""

    # Identity and retry tokens (spec oci 3.3, 9)
    expired_tokens: bool = False
    smallest_key_bits: int = 2048
    longest_request_id: int = 128
    rename_invalidates_retry: bool = True
    """A retry token whose creation has been renamed since is no longer valid."""
    reused_token: Literal["refused", "first answer"] = "refused"
    """What another request with a known retry token meets."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    # Reads after changes (spec oci 0.6, 13.18)
    lag_reads: int = 0
    """After each change of a path, so many reads that concern it do not see the change."""
    lag_form: Literal["missing", "internal error", "previous"] = "previous"
    """What they see: 404, 500 as for absent notebooks, or the state before the change."""

    # Faults (spec oci 13.19, 13.20): so many calls meet them
    busy_calls: int = 0
    throttled_calls: int = 0
    throttle_retry_after: int | None = None
    unavailable_calls: int = 0
    internal_error_calls: int = 0
    html_calls: int = 0
    truncated_calls: int = 0
    truncation: Literal["short body", "lost connection"] = "short body"
    reset_before_calls: int = 0
    reset_after_calls: int = 0
    faults_on: frozenset[str] = METHODS
    random_faults: tuple[int, float] | None = None
    """A seed and a probability: each call meets one of the faults above, always the same ones for a seed."""
    slow_seconds: float = 0.0
    """The pause between the two halves of every body."""
    fault: Callable[[web.Request], web.Response | None] = lambda _: None
    """Answers in the place of the service when it returns something."""
