"""The compute half of the Jupyter dialect: kernels, sessions and terminals of the servers behind it (spec jupyter A5).

What a server says is kept as it is, unknown fields included; only names and paths are put into the caller's words.
"""

from __future__ import annotations

from gateway.dialects.dialect import Route
from gateway.dialects.jupyter.compute.channels import channel_routes
from gateway.dialects.jupyter.compute.collaboration import collaboration_routes
from gateway.dialects.jupyter.compute.conversions import conversion_routes
from gateway.dialects.jupyter.compute.kernels import kernel_routes
from gateway.dialects.jupyter.compute.kernelspecs import kernelspec_routes
from gateway.dialects.jupyter.compute.sessions import session_routes
from gateway.dialects.jupyter.compute.terminals import terminal_routes


def compute_routes(base_path: str) -> tuple[Route, ...]:
    """The routes; ``base_path`` is what clients find the gateway below."""
    return (
        *kernel_routes(),
        *kernelspec_routes(base_path),
        *session_routes(),
        *terminal_routes(),
        *channel_routes(),
        *collaboration_routes(),
        *conversion_routes(),
    )
