"""The ``nbgw`` command: serve, demo, check, dev-cert. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer

P = ParamSpec("P")
R = TypeVar("R")

main = typer.Typer(
    name="nbgw",
    help="One gateway for notebooks: the Nx1, OCI and Jupyter APIs over one contents model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="A TOML file; see config/gateway.toml.")]


@main.command()
def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="A PEM certificate chain; with --tls-key serves HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key, PEM.")] = None,
) -> None:
    """Run the gateway. Without --config: the current folder, for whoever has the token that is printed."""
    from gateway.serving import serve_forever

    flags = {"host": host, "port": port, "tls_cert": tls_cert, "tls_key": tls_key}
    _exit_on_configuration_error(
        serve_forever, config, {"server": {key: value for key, value in flags.items() if value is not None}}
    )


@main.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the proof instead of serving on.")] = False,
    port: Annotated[int, typer.Option(help="The gateway's port; 0 takes a free one.")] = 0,
) -> None:
    """Show the whole gateway here: one notebook in all dialects, over a real S3 and a real Jupyter server."""
    from gateway.demo.main import run_demo

    raise typer.Exit(run_demo(once=once, port=port))


@main.command()
def check(config: Annotated[Path, typer.Option("--config", "-c", help="The TOML file to check.")]) -> None:
    """Validate a configuration file and reach every mount once. Exit code 1 when anything is wrong."""
    from gateway.checking import check_configuration

    raise typer.Exit(_exit_on_configuration_error(check_configuration, config))


@main.command("dev-cert")
def dev_cert(
    folder: Annotated[Path, typer.Argument(help="Where to write ca.pem, cert.pem and key.pem.")] = Path("dev-cert"),
    host: Annotated[list[str] | None, typer.Option(help="A further host name or address to be valid for.")] = None,
) -> None:
    """Make a certificate for development: both vendors' own clients refuse plain http."""
    from gateway.server.certificates import write_dev_certificate

    ca, cert, key = write_dev_certificate(folder, ["localhost", "127.0.0.1", "::1", *(host or [])])
    typer.echo(f"Wrote {ca}, {cert} and {key}.\n")
    typer.echo(f"  nbgw serve --tls-cert {cert} --tls-key {key}")
    typer.echo(f"  export REQUESTS_CA_BUNDLE={ca.resolve()}   # for Oracle's and Nx1's clients")


def _exit_on_configuration_error(command: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    from gateway.settings import ConfigurationError

    try:
        return command(*arguments, **options)
    except ConfigurationError as error:
        typer.echo(f"The configuration cannot be used:\n{error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
