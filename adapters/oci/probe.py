"""Whether a workspace can be used, and if not, which setting is to be mended (quirk 17)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.oci.addresses import Address
from adapters.oci.errors import problem_from
from adapters.oci.sight import Sight
from adapters.oci.workspace import Workspace
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Source
from gateway.wire.client import Answer, nonsense
from gateway.wire.dates import parse_http_date
from gateway.wire.signature import MAX_SKEW_SECONDS

_REFUSED = (401, 403)


async def probe(workspace: Workspace, sight: Sight) -> None:
    """Two calls: the workspace itself, since a wrong address and a missing notebook are both a 404, and the folder.

    Every Problem says in one sentence what is wrong, and names the setting.
    """
    where = workspace.where
    try:
        answer = await workspace.exchange("GET", where.workspace)
    except Problem as problem:
        raise _out_of_reach(problem, where) from problem
    if answer.status in _REFUSED:
        raise nonsense(_why_refused(answer, workspace))
    if answer.status == 404:
        raise nonsense(await _why_not_found(answer, workspace))
    if answer.status != 200:
        raise problem_from(answer)
    await _check_folder(workspace, sight)


def _out_of_reach(problem: Problem, where: Address) -> Problem:
    if problem.code is not Code.UNAVAILABLE:
        return problem
    detail = f"{where.endpoint} cannot be reached; see endpoint, and whether its certificate is trusted here."
    return Problem(problem.code, detail, source=Source.UPSTREAM, retry_after_seconds=problem.retry_after_seconds)


def _why_refused(answer: Answer, workspace: Workspace) -> str:
    theirs = parse_http_date(answer.headers.get("Date", ""))
    skew = timedelta() if theirs is None else datetime.now(UTC) - theirs
    if abs(skew) > timedelta(seconds=MAX_SKEW_SECONDS):
        how = "ahead of" if skew > timedelta() else "behind"
        minutes = round(abs(skew) / timedelta(minutes=1))
        return f"The clock here is {minutes} minutes {how} that of the service, which refuses such signatures; set it."
    if workspace.signer.uses_session_token:
        return (
            "The service refuses the session token of the profile; renew it with oci session refresh, or see profile."
        )
    return (
        "The service refuses the key; see profile and config_file, and whether its public half is the user's API key."
    )


async def _why_not_found(first: Answer, workspace: Workspace) -> str:
    for other in workspace.where.spelled_otherwise():
        try:
            answer = await workspace.exchange("GET", other.workspace)
        except Problem:
            continue
        if answer.status == 200:
            return f"The workspace is at another address: set {_settings(other, workspace.where)}."
    if not _speaks_the_api(first):
        return "What answers at that address is not the AI Data Platform; see endpoint and base_path."
    return "The workspace is not there, or the profile's user may not see it; see platform_id, workspace_key, profile."


def _speaks_the_api(answer: Answer) -> bool:
    """Whether a refusal is one of the service's own, which are never without a code."""
    return problem_from(answer).code is Code.NOT_FOUND and bool(answer.body)


def _settings(other: Address, configured: Address) -> str:
    wanted = []
    if other.generation != configured.generation:
        wanted.append(f'generation = "{other.generation}"')
    if other.base_path.strip("/") != configured.base_path.strip("/"):
        wanted.append(f'base_path = "{other.base_path}"')
    return " and ".join(wanted)


async def _check_folder(workspace: Workspace, sight: Sight) -> None:
    named = workspace.address(ContentPath.ROOT)
    standing = await sight.standing(ContentPath.ROOT)
    if standing is None:
        raise nonsense(f"The workspace has no folder {named}, or the profile's user may not see it; see folder.")
    if not standing.is_directory:
        raise nonsense(f"{named} is a file; see folder.")
