"""The commands that end by themselves: help, version, check, dev-cert."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.cli.command import NBGW, run

HEAVY = ("aiohttp", "aiobotocore", "sqlalchemy", "alembic", "nbformat", "jsonschema", "cryptography", "pydantic")
HELP_SECONDS = 0.4

LOCAL = '[[mounts]]\nname = "work"\nkind = "local"\nfolder = "."\n[[identity.tokens]]\nuser = "ada"\ntoken = "t"\n'


def checked(folder: Path, text: str) -> tuple[int, str, str]:
    (folder / "gateway.toml").write_text(text)
    outcome = run(folder, "check", "--config", "gateway.toml")
    assert "Traceback" not in outcome.err
    return outcome.code, outcome.out, outcome.err


@pytest.mark.parametrize("arguments", [[], ["serve"], ["demo"], ["check"], ["dev-cert"]])
def test_help_is_printed(tmp_path: Path, arguments: list[str]) -> None:
    helped = run(tmp_path, *arguments, "--help")
    assert (helped.code, helped.out.startswith("Usage: nbgw"), helped.err) == (0, True, "")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom gateway.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('imported:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported: []"


def test_help_answers_at_once() -> None:
    """The best of five: the machine may be busy with other tests."""

    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run([NBGW, "--help"], stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < HELP_SECONDS


def test_the_version_is_that_of_the_distribution(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").out == f"nbgateway {version('nbgateway')}\n"


def test_a_misspelt_option_is_answered_with_a_suggestion(tmp_path: Path) -> None:
    refused = run(tmp_path, "serve", "--prot", "1")
    assert (refused.code, "--port" in refused.err, "Traceback" in refused.err) == (2, True, False)


def test_a_good_configuration_passes(tmp_path: Path) -> None:
    code, out, _ = checked(tmp_path, LOCAL)
    assert (code, out.splitlines()[0]) == (0, "gateway.toml: valid, 1 mount")
    assert "  ok    work (local): atomic replace, byte exact" in out


def test_an_unknown_key_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    code, out, err = checked(tmp_path, LOCAL.replace("folder", "foldr"))
    assert (code, out) == (2, "")
    assert "mounts[0].foldr: unknown setting; did you mean 'folder'?" in err


def test_a_mount_that_is_down_is_said_and_the_others_are_tried_all_the_same(tmp_path: Path) -> None:
    down = '[[mounts]]\nname = "down"\nkind = "jupyter"\nurl = "http://127.0.0.1:1"\n'
    code, out, _ = checked(tmp_path, down + LOCAL)
    assert (code, out.splitlines()[0]) == (1, "gateway.toml: has faults, 2 mounts")
    assert "  FAIL  down (jupyter): The storage behind this mount cannot be reached." in out
    assert "  ok    work (local)" in out


def test_a_mount_whose_own_files_are_missing_is_said(tmp_path: Path) -> None:
    oci = (
        '[[mounts]]\nname = "w"\nkind = "oci"\nendpoint = "https://x"\nplatform_id = "p"\nworkspace_key = "k"\n'
        'config_file = "/no/such/file"\n'
    )
    code, out, _ = checked(tmp_path, oci + LOCAL)
    assert (code, "  FAIL  w (oci): The OCI profile 'DEFAULT' cannot be used: /no/such/file: No such" in out) == (
        1,
        True,
    )


def test_files_that_the_configuration_names_are_looked_at(tmp_path: Path) -> None:
    public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    good = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    (tmp_path / "ec.pem").write_bytes(elliptic.public_bytes(*public))
    (tmp_path / "good.pem").write_bytes(good.public_bytes(*public))
    (tmp_path / "text.pem").write_text("no key")
    keys = "".join(
        f'[[identity.oci_keys]]\nkey_id = "{name}"\npublic_key = "{name}.pem"\nuser = "ada"\n'
        for name in ("none", "text", "ec", "good")
    )
    tls = '[server]\ntls_cert = "text.pem"\ntls_key = "text.pem"\n[state]\nurl = "sqlite+aiosqlite:///no/state.db"\n'
    code, out, _ = checked(tmp_path, tls + LOCAL + keys)
    failed = [line.removeprefix("  FAIL  ") for line in out.splitlines() if line.startswith("  FAIL")]
    assert (code, out.splitlines()[0]) == (1, "gateway.toml: has faults, 1 mount")
    assert failed[0] == "state.url: no: No such directory"
    assert failed[1].startswith("server.tls_cert, server.tls_key: text.pem and text.pem: not a PEM")
    assert failed[2:] == [
        "identity.oci_keys[0].public_key: none.pem: No such file or directory",
        "identity.oci_keys[1].public_key: text.pem: not a public key in PEM",
        "identity.oci_keys[2].public_key: ec.pem: not an RSA key, the only kind that is accepted",
    ]


def test_the_list_of_keys_and_what_it_names_is_looked_at(tmp_path: Path) -> None:
    named = '[identity]\noci_keys_file = "keys/list.toml"\n'
    entry = '[[oci_keys]]\nkey_id = "t/u/f"\npublic_key = "none.pem"\nuser = "ada"\n'
    issuer = '[[identity.oci_token_issuers]]\nissuer = "i"\npublic_key = "issuer.pem"\n'
    (tmp_path / "keys").mkdir()

    def faults() -> list[str]:
        code, out, _ = checked(tmp_path, named + issuer + LOCAL)
        assert code == 1
        return [line.removeprefix("  FAIL  ") for line in out.splitlines() if line.startswith("  FAIL")]

    lost = "identity.oci_token_issuers[0].public_key: issuer.pem: No such file or directory"
    place = "identity.oci_keys_file: keys/list.toml"
    assert faults() == [lost, f"{place}: No such file or directory"]
    (tmp_path / "keys" / "list.toml").write_text(entry + 'name = "x"\n' + entry.replace("user", "usr"))
    assert faults() == [
        lost,
        f"{place}: oci_keys[0].name: unknown setting",
        f"{place}: oci_keys[1].user: Field required",
        f"{place}: oci_keys[1].usr: unknown setting; did you mean 'user'?",
    ]
    (tmp_path / "keys" / "list.toml").write_text(entry)
    assert faults() == [lost, f"{place}: oci_keys[0].public_key: keys/none.pem: No such file or directory"]


def test_a_demo_without_its_servers_says_what_to_install() -> None:
    program = (
        "import importlib.util\nfound = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'moto' else found(name)\n"
        "from gateway.cli import main\nmain(['demo', '--once'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nbgw cannot start: the demo needs moto; install it as '.[demo]'.\n"


def test_what_is_hardly_ever_meant_is_a_note(tmp_path: Path) -> None:
    code, out, _ = checked(tmp_path, LOCAL.partition("[[identity")[0])
    assert (code, "  note  No credential is configured" in out) == (0, True)


def test_an_empty_configuration_is_valid_and_doubted(tmp_path: Path) -> None:
    code, out, _ = checked(tmp_path, "")
    assert (code, out.splitlines()[0]) == (0, "gateway.toml: valid, 0 mounts")
    assert "  note  There are no mounts" in out


def test_check_without_a_file_says_what_it_needs(tmp_path: Path) -> None:
    refused = run(tmp_path, "check")
    assert (refused.code, "--config" in refused.err) == (2, True)


def test_a_development_certificate_takes_further_hosts(tmp_path: Path) -> None:
    made = run(tmp_path, "dev-cert", "--host", "gateway.example", "--host", "10.0.0.7")
    assert (made.code, "nbgw serve --tls-cert dev-cert/cert.pem --tls-key dev-cert/key.pem" in made.out) == (0, True)


def test_a_second_development_certificate_does_not_replace_the_first(tmp_path: Path) -> None:
    run(tmp_path, "dev-cert")
    first = (tmp_path / "dev-cert" / "ca.pem").read_bytes()
    refused = run(tmp_path, "dev-cert")
    assert (refused.code, "dev-cert/ca.pem is there already" in refused.err) == (1, True)
    assert (tmp_path / "dev-cert" / "ca.pem").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--host", "bücher.example"], "'bücher.example' is no host name or address"),
        (["file"], "file: File exists"),
        (["file/below"], "file/below: Not a directory"),
    ],
)
def test_a_certificate_that_cannot_be_made_is_said_without_a_traceback(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    (tmp_path / "file").touch()
    refused = run(tmp_path, "dev-cert", *arguments)
    assert (refused.code, "Traceback" in refused.err) == (1, False)
    assert expected in refused.err
