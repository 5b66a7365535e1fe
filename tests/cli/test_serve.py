"""``nbgw serve`` as a new user meets it: the current folder, a file, TLS, signals, and what stands in its way."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from gateway.given import Given
from gateway.settings import ConfigurationError
from tests.cli.command import ask, run, serving, started

CONFIGURED = """
[state]
url = "sqlite+aiosqlite:///{folder}/../state.db"
uploads_folder = "{folder}/../uploads"

[[mounts]]
name = "work"
kind = "local"
folder = "{folder}"

[[identity.tokens]]
user = "ada"
token = "from-the-file"
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A user's folder with one notebook in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "a.ipynb").write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}')
    return folder


@pytest.fixture
def configured(here: Path) -> Path:
    file = here.parent / "gateway.toml"
    file.write_text(CONFIGURED.format(folder=here))
    return file


def token_url(text: str) -> str:
    found = re.search(r"https?://\S+/api/contents\?token=\S+", text)
    assert found, text
    return found[0]


def test_without_a_file_the_printed_url_opens_the_current_folder(here: Path) -> None:
    with serving(here) as gateway:
        url = token_url(gateway.read(3))
        listed = json.loads(ask(url).body)
        assert (url.startswith(gateway.url), [entry["name"] for entry in listed["content"]]) == (True, ["a.ipynb"])


def test_without_a_file_saves_land_in_the_current_folder_and_state_elsewhere(here: Path) -> None:
    with serving(here) as gateway:
        url = token_url(gateway.read(3)).replace("/api/contents", "/api/contents/b.txt")
        saved = ask(url, method="PUT", body=b'{"type": "file", "format": "text", "content": "hello"}')
        assert (saved.status, (here / "b.txt").read_text()) == (201, "hello")
    seen = sorted(file.name for file in here.iterdir() if not file.name.startswith("."))
    assert (seen, list(here.rglob("*.db"))) == (["a.ipynb", "b.txt"], [])


def test_without_the_token_nobody_gets_in(here: Path) -> None:
    with serving(here) as gateway:
        url = token_url(gateway.read(3))
        assert (ask(f"{gateway.url}/api/contents").status, ask(f"{url}x").status) == (403, 403)


def test_each_start_has_a_token_of_its_own_and_the_log_has_none(here: Path) -> None:
    tokens = []
    for _ in range(2):
        with serving(here) as gateway:
            url = token_url(gateway.read(3))
            tokens.append(url.partition("token=")[2])
            ask(url)
            gateway.stop()
            assert ("/api/contents" in gateway.log, tokens[-1] in gateway.log) == (True, False)
    assert tokens[0] != tokens[1]


def test_before_a_jupyter_server_the_printed_url_is_that_of_its_lab_and_its_token_is_kept(here: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        server = f"http://127.0.0.1:{taken.getsockname()[1]}/base"
    with serving(here, "--jupyter", f"{server}/lab?token=the-servers-own", "--s3", "bucket") as gateway:
        printed = gateway.read(3)
        url = re.search(rf"{gateway.url}/lab\?token=(\S+)", printed)
        assert url, printed
        assert url[1] != "the-servers-own"
        assert ask(f"{gateway.url}/api/contents?token={url[1]}").status == 503  # nobody listens there
        mounts = json.loads(ask(f"{gateway.url}/readyz").body)["mounts"]
        gateway.stop()
    assert (set(mounts), "the-servers-own" in gateway.log) == ({"jupyter", "s3"}, False)


@pytest.mark.parametrize(
    ("printed", "url", "token"),
    [
        ("http://127.0.0.1:8888/lab?token=abc", "http://127.0.0.1:8888", "abc"),
        ("http://127.0.0.1:8888/user/al/tree/a/lab?token=a%2Bb", "http://127.0.0.1:8888/user/al", "a+b"),
        ("https://hub:8000/user/{user}/", "https://hub:8000/user/{user}", "given"),
        ("http://127.0.0.1:8888", "http://127.0.0.1:8888", "given"),
        ("http://127.0.0.1:8888/lab?token=...", "http://127.0.0.1:8888", "given"),
    ],
)
def test_a_servers_address_is_understood_as_it_prints_it(printed: str, url: str, token: str) -> None:
    [mount] = Given(printed, "given").mounts()
    assert (mount["url"], mount["token"]) == (url, token)


def test_a_servers_token_that_it_hides_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="JUPYTER_TOKEN"):
        Given("http://127.0.0.1:8888/lab?token=...").mounts()


@pytest.mark.parametrize("printed", ["", "localhost:8888", "ftp://x", "http://", "http://[x"])
def test_what_is_no_address_of_a_server_is_refused_by_the_name_of_its_option(printed: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--jupyter: give a whole address"):
        Given(printed).mounts()


def test_a_token_that_the_environment_replaces_is_not_printed(here: Path) -> None:
    extra = {"NBGW_IDENTITY__TOKENS": '[{"user": "ada", "token": "mine"}]'}
    with serving(here, extra=extra) as gateway:
        assert ask(f"{gateway.url}/api/contents?token=mine").status == 200
        gateway.stop()
        assert gateway.read(1) == ""


def test_a_file_says_what_is_served_to_whom(here: Path, configured: Path) -> None:
    with serving(here, "--config", configured) as gateway:
        listed = ask(f"{gateway.url}/api/contents/work?token=from-the-file")
        assert [entry["name"] for entry in json.loads(listed.body)["content"]] == ["a.ipynb"]
        gateway.stop()
        assert gateway.read(1) == ""


def test_flags_are_over_the_environment(here: Path, configured: Path) -> None:
    with serving(here, "--config", configured, extra={"NBGW_SERVER__PORT": "1"}) as gateway:
        assert ask(f"{gateway.url}/healthz").status == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_development_authority_gets_through(here: Path, host: str) -> None:
    made = run(here, "dev-cert", "tls")
    assert (made.code, "REQUESTS_CA_BUNDLE" in made.out) == (0, True)
    with serving(here, "--tls-cert", "tls/cert.pem", "--tls-key", "tls/key.pem") as gateway:
        trusting = ssl.create_default_context(cafile=here / "tls" / "ca.pem")
        url = gateway.url.replace("127.0.0.1", host)
        assert (url.startswith("https://"), ask(f"{url}/healthz", tls=trusting).status) == (True, 200)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well_and_at_once_though_a_client_stays_connected(here: Path, ending: signal.Signals) -> None:
    with serving(here) as gateway:
        host, _, port = gateway.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 200"
            code, seconds = gateway.stop(ending)
        assert (code, "Traceback" in gateway.log) == (0, False)
        assert seconds < 5


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well_while_it_still_waits_for_a_store(
    here: Path, configured: Path, ending: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        configured.write_text(
            f'{configured.read_text()}\n[[mounts]]\nname = "silent"\nkind = "jupyter"\nurl = "{address}"\n'
        )
        with started(here, "--config", configured, "--port", "0") as gateway:
            silent.settimeout(30)
            connection, _ = silent.accept()
            with connection:
                code, seconds = gateway.stop(ending)
            assert (code, gateway.read(1), "Traceback" in gateway.log) == (0, "", False)
            assert seconds < 3


def test_a_port_that_is_taken_is_said_in_one_line(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(here, "serve", "--port", str(port), extra={"NBGW_LOG__LEVEL": "error"})
    assert (refused.code, refused.out) == (1, "")
    expected = f"nbgw cannot start: cannot listen on 127.0.0.1 port {port}: Address already in use. "
    assert refused.err == f"{expected}Choose another with --port; 0 takes a free one.\n"


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("[server]\nprot = 1\n", 2, "server.prot: unknown setting; did you mean 'port'?"),
        ("[server\n", 2, "at line 1"),
        ('[server]\nhost = "no-such-host.invalid"\n', 1, "cannot listen on no-such-host.invalid"),
        ('[state]\nurl = "sqlite+aiosqlite:////nowhere/at/all.db"\n', 1, "The state store does not answer."),
        ('[state]\nuploads_folder = "gateway.toml/x"\n', 1, "gateway.toml/x: Not a directory"),
        ('[server]\ntls_cert = "no.pem"\ntls_key = "no.pem"\n', 2, "no.pem: No such file or directory"),
        (
            '[[mounts]]\nname = "w"\nkind = "oci"\nendpoint = "https://x"\nplatform_id = "p"\nworkspace_key = "k"\n'
            'config_file = "/no/such/file"\n',
            1,
            "mount 'w': The OCI profile 'DEFAULT' cannot be used: /no/such/file: No such file or directory.",
        ),
    ],
)
def test_what_stands_in_the_way_of_a_start_is_said_without_a_traceback(
    here: Path, text: str, code: int, expected: str
) -> None:
    (here / "gateway.toml").write_text(text)
    refused = run(here, "serve", "--config", "gateway.toml", extra={"NBGW_LOG__LEVEL": "error"})
    assert (refused.code, refused.out, "Traceback" in refused.err) == (code, "", False)
    assert expected in refused.err


def test_a_host_that_is_not_known_is_answered_without_advice_on_ports(here: Path) -> None:
    refused = run(here, "serve", "--host", "no-such-host.invalid", extra={"NBGW_LOG__LEVEL": "error"})
    assert refused.code == 1
    assert refused.err.startswith("nbgw cannot start: cannot listen on no-such-host.invalid: ")
    assert ("--host" in refused.err, "--port" in refused.err) == (True, False)


def test_an_address_of_another_machine_is_answered_without_advice_on_ports(here: Path) -> None:
    refused = run(here, "serve", "--port", "0", "--host", "192.0.2.1", extra={"NBGW_LOG__LEVEL": "error"})
    expected = "nbgw cannot start: cannot listen on 192.0.2.1: Cannot assign requested address. "
    assert (refused.code, refused.err) == (1, f"{expected}Name an address of this machine with --host.\n")


def test_a_public_key_that_is_not_there_is_told_at_the_start(here: Path, configured: Path) -> None:
    key = '[[identity.oci_keys]]\nkey_id = "t/u/f"\npublic_key = "none.pem"\nuser = "ada"\n'
    configured.write_text(f"{configured.read_text()}\n{key}")
    with serving(here, "--config", configured) as gateway:
        assert "identity.oci_keys[0].public_key: none.pem: No such file or directory" in gateway.log


def test_a_file_that_does_not_exist_is_named(here: Path) -> None:
    refused = run(here, "serve", "--config", "none.toml")
    assert (refused.code, "none.toml: No such file or directory" in refused.err) == (2, True)


def test_a_state_folder_that_cannot_be_made_is_named(here: Path) -> None:
    (here / "file").touch()
    refused = run(here, "serve", "--port", "0", extra={"XDG_STATE_HOME": str(here / "file")})
    assert (refused.code, "XDG_STATE_HOME names another place" in refused.err) == (1, True)


def test_all_addresses_are_shown_as_this_machine_and_warned_of_without_tls(here: Path) -> None:
    with serving(here, "--host", "0.0.0.0") as gateway:
        assert gateway.url.startswith("http://127.0.0.1:")
        assert ask(f"{gateway.url}/healthz").status == 200
        assert "Credentials travel in clear to 0.0.0.0" in gateway.log


def test_a_gateway_that_nobody_can_use_says_so_and_lets_nobody_in(here: Path) -> None:
    (here / "gateway.toml").write_text('[[mounts]]\nname = "work"\nkind = "local"\nfolder = "."\n')
    with serving(here, "--config", "gateway.toml") as gateway:
        assert "nobody can use the gateway" in gateway.log
        assert ask(f"{gateway.url}/api/contents/work?token=").status == 403
