"""The ``nbgw`` command: serve, demo, check, dev-cert. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

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
    rich_markup_mode=None,  # rich's tables take longer to import than everything else that --help needs
)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="A TOML file; config/gateway.toml of the source shows all settings."),
]

HostOption = Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1 unless set.")]
PortOption = Annotated[
    int | None,
    typer.Option(
        help="The port to listen on; 0 takes a free one; 8888 unless set, 8889 before a --jupyter.", min=0, max=65535
    ),
]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"nbgateway {version('nbgateway')}")
        raise typer.Exit


@main.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@main.command(short_help="Run the gateway: a configured one, or the current folder.")
def serve(
    config: ConfigOption = None,
    host: HostOption = None,
    port: PortOption = None,
    tls_cert: Annotated[Path | None, typer.Option(help="A PEM certificate chain; with --tls-key serves HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key, PEM.")] = None,
    jupyter: Annotated[
        str | None, typer.Option(help="A Jupyter server to stand in front of, as it prints its address: http://...")
    ] = None,
    jupyter_token: Annotated[
        str | None,
        typer.Option(help="Its token, where the address has none.", envvar="JUPYTER_TOKEN", show_envvar=True),
    ] = None,
    s3: Annotated[
        str | None, typer.Option(help="A bucket to show beside it; AWS_* variables say where and who.")
    ] = None,
) -> None:
    """Run the gateway. Without --config: the named stores, or the current folder, for whoever has the printed token."""
    from gateway.given import Given
    from gateway.serving import StartError, serve_forever

    flags = {"host": host, "port": port, "tls_cert": tls_cert, "tls_key": tls_key}
    given = {key: value for key, value in flags.items() if value is not None}
    try:
        stores = Given(jupyter, jupyter_token, s3)
        _exit_on_configuration_error(serve_forever, config, {"server": given}, stores)
    except StartError as error:
        typer.echo(f"nbgw cannot start: {error}", err=True)
        raise typer.Exit(1) from error


@main.command(short_help="Show the whole gateway on this machine.")
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the proof instead of serving on.")] = False,
    port: Annotated[int, typer.Option(help="The gateway's port; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Show the whole gateway here: three dialects over an S3 server, a Jupyter server and an emulated OCI workspace."""
    from importlib.util import find_spec

    if missing := [name for name in ("moto", "jupyterlab") if find_spec(name) is None]:
        typer.echo(f"nbgw cannot start: the demo needs {' and '.join(missing)}; install it as '.[demo]'.", err=True)
        raise typer.Exit(1)
    from gateway.demo.main import run_demo

    raise typer.Exit(run_demo(once=once, port=port))


@main.command(short_help="Validate a configuration and reach every mount.")
def check(config: Annotated[Path, typer.Option("--config", "-c", help="The TOML file to check.")]) -> None:
    """Validate a configuration file and reach every mount once. Exit code 1 when anything is wrong."""
    from gateway.checking import check_configuration

    raise typer.Exit(_exit_on_configuration_error(check_configuration, config))


@main.command("dev-cert", short_help="Make a TLS certificate for development.")
def dev_cert(
    folder: Annotated[Path, typer.Argument(help="Where to write ca.pem, cert.pem and key.pem.")] = Path("dev-cert"),
    host: Annotated[list[str] | None, typer.Option(help="A further host name or address to be valid for.")] = None,
) -> None:
    """Make a certificate for development: both vendors' own command lines refuse plain http."""
    from gateway.server.certificates import CertificateError, write_dev_certificate

    try:
        ca, cert, key = write_dev_certificate(folder, host or [])
    except CertificateError as error:
        typer.echo(f"nbgw cannot make the certificate: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Wrote {ca}, {cert} and {key}.\n")
    typer.echo(f"  nbgw serve --tls-cert {cert} --tls-key {key}")
    typer.echo(f"  export REQUESTS_CA_BUNDLE={ca.resolve()}   # for Oracle's and Nx1's clients")


def _exit_on_configuration_error(command: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    from gateway.settings import ConfigurationError

    try:
        return command(*arguments, **options)
    except ConfigurationError as error:
        typer.echo(f"The configuration cannot be used:\n{error}", err=True)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    main()
