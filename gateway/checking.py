"""``nbgw check``: is the configuration valid, is every file there that it names, and does every mount answer?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from gateway.contents.problem import Problem
from gateway.registry import create_backend
from gateway.sections import AnyMount
from gateway.server.certificates import CertificateError, server_context
from gateway.server.watching import load_public_key
from gateway.settings import ConfigurationError, Settings, load_oci_keys, load_settings
from gateway.wire.client import UpstreamClient, open_session

PROBE_SECONDS = 20.0


def check_configuration(config: Path) -> int:
    """Print a line for each thing that was tried; the exit code: 0 when nothing failed, 1 when something did."""
    settings = load_settings(config)
    faults = list(_faults(settings))
    answers = asyncio.run(_probe_all(settings))
    good = not faults and all(answers_well for _, answers_well in answers)
    mounts = f"{len(settings.mounts)} mount{'' if len(settings.mounts) == 1 else 's'}"
    typer.echo(f"{config}: {'valid' if good else 'has faults'}, {mounts}")
    for doubt in settings.doubts():
        typer.echo(f"  note  {doubt}")
    for fault in faults:
        typer.echo(f"  FAIL  {fault}")
    for line, _ in answers:
        typer.echo(line)
    return 0 if good else 1


def _faults(settings: Settings) -> Iterator[str]:
    """What is wrong with the files that the configuration names."""
    server = settings.server
    database = Path(settings.state.url.removeprefix("sqlite+aiosqlite:///"))
    if settings.state.url.startswith("sqlite") and not database.parent.is_dir():
        yield f"state.url: {database.parent}: No such directory"
    if server.tls_cert is not None and server.tls_key is not None:
        try:
            server_context(server.tls_cert, server.tls_key)
        except CertificateError as error:
            yield f"server.tls_cert, server.tls_key: {error}"
    yield from key_faults(settings)


def key_faults(settings: Settings) -> Iterator[str]:
    """What is wrong with the public keys of those who sign. The gateway serves all the same: a key may come later."""
    identity = settings.identity
    yield from _faults_of_keys("identity.oci_keys", (key.public_key for key in identity.oci_keys))
    yield from _faults_of_keys("identity.oci_token_issuers", (each.public_key for each in identity.oci_token_issuers))
    if identity.oci_keys_file is not None:
        yield from _faults_of_list(identity.oci_keys_file)


def _faults_of_list(file: Path) -> Iterator[str]:
    place = f"identity.oci_keys_file: {file}"
    try:
        keys = load_oci_keys(file)
    except OSError as error:
        yield f"{place}: {error.strerror}"
    except ConfigurationError as error:
        yield from (f"{place}: {line}" for line in str(error).splitlines())
    else:
        yield from _faults_of_keys(f"{place}: oci_keys", (key.public_key for key in keys))


def _faults_of_keys(section: str, files: Iterable[Path | None]) -> Iterator[str]:
    for number, file in enumerate(files):
        if file is not None and (fault := _key_fault(file)):
            yield f"{section}[{number}].public_key: {file}: {fault}"


def _key_fault(file: Path) -> str | None:
    try:
        load_public_key(file)
    except OSError as error:
        return error.strerror
    except ValueError as error:
        return str(error)
    return None


async def _probe_all(settings: Settings) -> list[tuple[str, bool]]:
    """A line for each mount in the order of the file, and whether it is a good one; all are reached at once."""
    async with open_session() as session:
        client = UpstreamClient(session, max_body_bytes=settings.server.max_body_bytes)
        return await asyncio.gather(*(_probe(client, mount) for mount in settings.mounts))


async def _probe(client: UpstreamClient, mount: AnyMount) -> tuple[str, bool]:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            capabilities = await _capabilities(client, mount)
    except (Problem, TimeoutError) as error:
        detail = error.detail if isinstance(error, Problem) else f"It did not answer within {PROBE_SECONDS:.0f} s."
        return f"  FAIL  {mount.name} ({mount.kind}): {detail}", False
    return f"  ok    {mount.name} ({mount.kind}): {', '.join(capabilities)}", True


async def _capabilities(client: UpstreamClient, mount: AnyMount) -> list[str]:
    backend = create_backend(mount.kind, client, mount.options())
    try:
        await backend.probe()
        return sorted(capability.value for capability in backend.capabilities)
    finally:
        await backend.aclose()
