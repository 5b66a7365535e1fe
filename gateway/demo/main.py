"""``nbgw demo``: starts the stack, prints the proof, and serves on until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import tempfile
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.markup import escape

from gateway.demo.proof import NAME, Exchange, Proof, Step
from gateway.demo.stack import Stack, contents_url, run_stack
from gateway.server.logs import configure

_SHOWN_HEADERS = ("if-match", "etag", "location", "opc-request-id")
_SHOWN_BODY = 220


def run_demo(*, once: bool, port: int) -> int:
    """The exit code: 0 when every step held, 1 when not."""
    configure("console", "warning")
    try:
        return asyncio.run(_demo(once=once, port=port))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        Console(stderr=True).print(f"The demo cannot listen on port {port}: {os.strerror(error.errno)}.")
        return 1


async def _demo(*, once: bool, port: int) -> int:
    console = Console(highlight=False, soft_wrap=True)
    console.print("Starting an S3 server, a Jupyter server, an emulated OCI workspace, and the gateway over them ...")
    with tempfile.TemporaryDirectory(prefix="nbgw-demo-") as folder:
        async with run_stack(Path(folder), port=port) as stack, aiohttp.ClientSession() as session:
            held = True
            number = 0
            async for step in Proof(stack, session).steps():
                number += 1
                held &= _show(console, number, step)
            console.print("\n[bold green]Every step held.[/]" if held else "\n[bold red]Not every step held.[/]")
            if not once:
                _show_commands(console, stack)
                await _until_interrupted()
    return 0 if held else 1


def _show(console: Console, number: int, step: Step) -> bool:
    console.print(f"\n[bold]{number}. {escape(step.claim)}[/]")
    _show_exchange(console, step.exchange)
    for claim, held in step.held.items():
        console.print(f"   {'[green]✓[/]' if held else '[red]✗[/]'} {escape(claim)}")
    return all(step.held.values())


def _show_exchange(console: Console, exchange: Exchange) -> None:
    console.print(f"   [cyan]> {exchange.method} {escape(exchange.url.raw_path_qs)}[/]")
    for name, value in exchange.sent.items():
        if name.lower() in _SHOWN_HEADERS:
            console.print(f"   [cyan]> {name}: {escape(value)}[/]")
    console.print(f"   [yellow]< {exchange.status}[/]")
    for name, value in exchange.received.items():
        if name.lower() in _SHOWN_HEADERS:
            console.print(f"   [yellow]< {name}: {escape(value)}[/]")
    text = exchange.body.decode(errors="replace")
    shortened = text if len(text) <= _SHOWN_BODY else f"{text[:_SHOWN_BODY]} ... ({len(text)} characters)"
    console.print(f"   [yellow]< {escape(shortened)}[/]")


def _show_commands(console: Console, stack: Stack) -> None:
    console.print(
        "\n[bold]Try it yourself[/] (until Ctrl-C)\n\n"
        "[bold]JupyterLab[/]: open it in a browser\n"
        f"  {stack.url}/lab?token={stack.token}\n\n"
        "[bold]Nx1[/]: upload a notebook\n"
        f"  curl -F file=@{stack.sample} -H 'Authorization-PSK: {stack.psk}' {stack.url}/api/notebooks\n\n"
        "[bold]Jupyter[/]: see it beside the others, and what was moved to the workspace\n"
        f"  curl '{stack.url}/api/contents/s3?token={stack.token}'\n"
        f"  curl '{stack.url}/api/contents/workspace?token={stack.token}'\n\n"
        "[bold]OCI[/]: read the proof's notebook with Oracle's own command (pip install oci-cli)\n"
        f"  oci raw-request --config-file {stack.oci_profile} --http-method GET \\\n"
        f"    --target-uri '{contents_url(stack.url)}/%2FWorkspace%2F{NAME}'\n"
    )


async def _until_interrupted() -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await stopped.wait()
