"""Settings: every way to misspell or contradict one is refused with a sentence that says where and how to mend it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.sections import JupyterMount, LocalMount, Nx1Mount, OciMount
from gateway.settings import ConfigurationError, load_oci_keys, load_settings

FILES = {"name": "files", "kind": "local", "folder": "/srv"}
HOMES = {"name": "s3", "kind": "nx1", "bucket": "b", "homes": True}
WORKSPACE = {"platform_id": "p", "workspace_key": "k", "folder": "files"}
ISSUER = {"issuer": "i"}
DIGEST = hashlib.sha256(b"secret").hexdigest()
KEY = '[[oci_keys]]\nkey_id = "t/u/f"\npublic_key = "ada.pem"\nuser = "ada"\n'


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.upper().startswith("NBGW_")]:
        monkeypatch.delenv(variable)


def complaint(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, values)
    return str(caught.value)


def written(folder: Path, text: str) -> Path:
    file = folder / "gateway.toml"
    file.write_text(text)
    return file


def test_nothing_at_all_is_a_configuration() -> None:
    settings = load_settings(None)
    assert (settings.server.host, settings.server.port, settings.mounts) == ("127.0.0.1", 8888, ())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"servr": {}}, "servr: unknown setting; did you mean 'server'?"),
        ({"server": {"prot": 1}}, "server.prot: unknown setting; did you mean 'port'?"),
        ({"state": {"urll": "x"}}, "state.urll: unknown setting; did you mean 'url'?"),
        ({"log": {"formt": "json"}}, "log.formt: unknown setting; did you mean 'format'?"),
        ({"identity": {"token": []}}, "identity.token: unknown setting; did you mean 'tokens'?"),
        (
            {"identity": {"tokens": [{"user": "a", "token": "t", "rolls": []}]}},
            "identity.tokens[0].rolls: unknown setting; did you mean 'roles'?",
        ),
        (
            {"identity": {"psks": [{"sha256": DIGEST}, {"sha256": "0" * 64, "usr": "a"}]}},
            "identity.psks[1].usr: unknown setting; did you mean 'user'?",
        ),
        (
            {"identity": {"keycloak": {"issuer": "https://i", "audiense": "a"}}},
            "identity.keycloak.audiense: unknown setting; did you mean 'audience'?",
        ),
        (
            {"mounts": [{**HOMES, "endpoint": "http://x"}]},
            "mounts[0].endpoint: unknown setting; did you mean 'endpoint_url'?",
        ),
        ({"mounts": [{**FILES, "xyzzy": 1}]}, "mounts[0].xyzzy: unknown setting"),
        ({"nx1": {"mount": "s3", "manager": "m"}}, "nx1.manager: unknown setting; did you mean 'manager_role'?"),
        (
            {"mounts": [FILES], "workspaces": [{**WORKSPACE, "folders": "x"}]},
            "workspaces[0].folders: unknown setting; did you mean 'folder'?",
        ),
        ({"_env_file": "x"}, "_env_file: unknown setting"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(values: dict[str, Any], expected: str) -> None:
    assert complaint(values) == expected


def test_a_suggestion_for_a_mount_comes_from_its_own_kind() -> None:
    oci = {"name": "w", "kind": "oci", "endpoint": "https://x", "platform_id": "p", "workspace_key": "k"}
    assert complaint({"mounts": [{**oci, "endpoint_url": "x"}]}).endswith("did you mean 'endpoint'?")


def test_all_that_is_wrong_is_said_at_once() -> None:
    lines = complaint({"server": {"port": 70000, "hots": "x"}, "mounts": [{"name": "a", "kind": "nx1"}]}).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["server.port", "server.hots", "mounts[0].bucket"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"mounts": [FILES], "state": {"uploads_mount": "files"}},
            "state.uploads_mount must name a mount of kind nx1, not 'files'",
        ),
        ({"mounts": [FILES, FILES]}, "two mounts have the name 'files'"),
        ({"mounts": [{**FILES, "root": True}, {**HOMES, "root": True}]}, "only one mount can be the root"),
        ({"mounts": [FILES], "nx1": {"mount": "files"}}, "nx1.mount must name a mount with homes = true"),
        ({"mounts": [{**HOMES, "root": True}], "nx1": {"mount": "s3"}}, "that is not the root, not 's3'"),
        ({"mounts": [FILES], "workspaces": [WORKSPACE, WORKSPACE]}, "two workspaces are 'p k'"),
        ({"mounts": [HOMES], "workspaces": [WORKSPACE]}, "must begin with the name of a mount"),
        ({"server": {"tls_cert": "x.pem"}}, "server: tls_cert and tls_key belong together"),
        ({"mounts": [{**HOMES, "access_key_id": "x"}]}, "access_key_id and secret_access_key belong together"),
        ({"identity": {"tokens": [{"user": "a"}]}}, "identity.tokens[0]: give either token or sha256"),
        ({"identity": {"tokens": [{"user": "a", "token": "t", "sha256": DIGEST}]}}, "give either token or sha256"),
        (
            {"identity": {"tokens": [{"user": "a", "token": "secret"}, {"user": "b", "sha256": DIGEST}]}},
            "two identity.tokens are the same secret: of 'a' and of 'b'",
        ),
        (
            {"identity": {"psks": [{"user": "a", "sha256": DIGEST}, {"sha256": DIGEST}]}},
            "two identity.psks are the same secret: of 'a' and of the platform",
        ),
        (
            {"identity": {"oci_keys": [{"key_id": "i", "public_key": "x", "user": u} for u in "ab"]}},
            "two identity.oci_keys have the key_id 'i'",
        ),
        (
            {"identity": {"oci_token_issuers": [{**ISSUER, "public_key": "x"}, {**ISSUER, "jwks_url": "https://x"}]}},
            "two identity.oci_token_issuers are 'i'",
        ),
        ({"identity": {"oci_token_issuers": [ISSUER]}}, "identity.oci_token_issuers[0]: give either jwks_url or"),
        (
            {"identity": {"oci_token_issuers": [{**ISSUER, "public_key": "x", "jwks_url": "https://x"}]}},
            "identity.oci_token_issuers[0]: give either jwks_url or public_key",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, Any], expected: str) -> None:
    assert expected in complaint(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"mounts": {"name": "a"}}, "mounts: write its sections as [[mounts]], with two brackets"),
        ({"mounts": ["files"]}, "mounts[0]: "),
        ({"mounts": [{"name": "a"}]}, "mounts[0].kind: one of local, nx1, jupyter, oci"),
        ({"mounts": [{"name": "a", "kind": 7}]}, "mounts[0].kind: one of local, nx1, jupyter, oci"),
        ({"mounts": [{"name": "a", "kind": "s3"}]}, "local, nx1, jupyter, oci; did you mean 'nx1'?"),
        ({"mounts": [{"name": "a", "kind": "Jupiter"}]}, "local, nx1, jupyter, oci; did you mean 'jupyter'?"),
        ({"mounts": [{**FILES, "folder": 5}]}, "mounts[0].folder: a path, in quotes"),
        ({"mounts": [{**FILES, "name": "a b"}]}, "mounts[0].name: letters, digits, - and _, at most 63 of them"),
        ({"mounts": [{**FILES, "readers": "ada"}]}, "mounts[0].readers: "),
        ({"identity": {"tokens": ["t"]}}, "identity.tokens[0]: "),
        ({"identity": {"tokens": [{"user": "a", "token": ""}]}}, "identity.tokens[0].token: "),
        ({"identity": {"psks": [{"sha256": hashlib.sha256().hexdigest()}]}}, "the digest of an empty secret"),
        ({"identity": {"psks": [{"sha256": "ABC"}]}}, "identity.psks[0].sha256: 64 hex digits"),
        ({"identity": {"psks": [{"sha256": DIGEST.upper()}]}}, "in lower case: printf %s SECRET | sha256sum"),
        ({"identity": {"psks": [{"sha256": f"{DIGEST}\n"}]}}, "identity.psks[0].sha256: 64 hex digits"),
        ({"mounts": [FILES], "workspaces": [{**WORKSPACE, "folder": "../x"}]}, "workspaces[0].folder: A path may not"),
        ({"mounts": [{"name": "j", "kind": "jupyter", "url": "http://x", "folder": "a//b"}]}, "mounts[0].folder: "),
        ({"mounts": [{"name": "j", "kind": "jupyter", "url": "localhost:8888"}]}, "give a whole address"),
        ({"mounts": [{"name": "j", "kind": "jupyter", "url": "http://[x"}]}, "give a whole address"),
        ({"mounts": [{"name": "j", "kind": "jupyter", "url": "http://x:999999"}]}, "give a whole address"),
        ({"mounts": [{"name": "j", "kind": "jupyter", "url": "http://u:p@x"}]}, "in its own setting"),
        ({"state": {"url": "sqlite:///x.db"}}, "state.url: the address must start with sqlite+aiosqlite://"),
        ({"state": {"url": "sqlite+aiosqlite"}}, "state.url: the address must start with"),
        ({"server": {"max_body_bytes": 0}}, "server.max_body_bytes: "),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_where_it_stands(values: dict[str, Any], expected: str) -> None:
    assert expected in complaint(values)


def test_a_database_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sections.find_spec", lambda _name: None)
    assert "needs the package asyncpg" in complaint({"state": {"url": "postgresql+asyncpg://u:hidden@h/d"}})


def test_a_complaint_never_quotes_a_secret() -> None:
    token = {"user": "a", "token": "the-secret", "sha256": DIGEST}
    mount = {"name": "j", "kind": "jupyter", "url": "http://u:the-secret@x"}
    state = {"url": "postgres://u:the-secret@h/d"}
    said = complaint({"identity": {"tokens": [token]}, "mounts": [mount], "state": state})
    assert (len(said.splitlines()), "the-secret" in said) == (3, False)


def test_a_complaint_about_a_secret_that_two_have_names_no_digest() -> None:
    both = {"tokens": [{"user": u, "sha256": DIGEST} for u in "ab"], "psks": [{"sha256": DIGEST}, {"sha256": DIGEST}]}
    assert DIGEST not in complaint({"identity": both})


def test_no_secret_is_in_the_repr() -> None:
    settings = load_settings(
        None,
        {
            "state": {"url": "sqlite+aiosqlite:///hidden-1"},
            "identity": {"tokens": [{"user": "a", "token": "hidden-2"}]},
            "mounts": [
                {**HOMES, "access_key_id": "hidden-3", "secret_access_key": "hidden-4", "session_token": "hidden-5"},
                {"name": "j", "kind": "jupyter", "url": "http://x", "token": "hidden-6"},
            ],
        },
    )
    assert "hidden" not in repr(settings) + str(settings)


def test_the_environment_is_over_the_file_and_flags_are_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, '[server]\nhost = "h"\nport = 1\nmax_body_bytes = 5\n')
    monkeypatch.setenv("NBGW_SERVER__HOST", "from-environment")
    monkeypatch.setenv("nbgw_server__port", "2")
    server = load_settings(file, {"server": {"port": 3}}).server
    assert (server.host, server.port, server.max_body_bytes) == ("from-environment", 3, 5)


def test_defaults_stand_in_for_a_file_below_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGW_MOUNTS", '[{"name": "env", "kind": "local", "folder": "/x"}]')
    settings = load_settings(None, defaults={"mounts": [FILES], "log": {"level": "error"}})
    assert ([mount.name for mount in settings.mounts], settings.log.level) == (["env"], "error")


def test_nested_sections_and_lists_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGW_IDENTITY__KEYCLOAK__ISSUER", "https://sso.example")
    monkeypatch.setenv("NBGW_IDENTITY__TOKENS", '[{"user": "ada", "token": "t"}]')
    monkeypatch.setenv("NBGW_IDENTITY__OCI_HOSTS", '["a.example"]')
    identity = load_settings(None, {"identity": {"psks": [{"sha256": DIGEST}]}}).identity
    assert identity.keycloak is not None
    assert (identity.keycloak.issuer, identity.tokens[0].user) == ("https://sso.example", "ada")
    assert (identity.oci_hosts, len(identity.psks)) == (("a.example",), 1)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("NBGW_SERVR__PORT", "1", "NBGW_SERVR__PORT: unknown setting; did you mean 'NBGW_SERVER__PORT'?"),
        ("NBGW_SERVER_PORT", "1", "NBGW_SERVER_PORT: unknown setting; did you mean 'NBGW_SERVER__PORT'?"),
        ("nbgw_loglevel", "info", "NBGW_LOGLEVEL: unknown setting; did you mean 'NBGW_LOG__LEVEL'?"),
        ("NBGW_SERVER__PROT", "1", "NBGW_SERVER__PROT: unknown setting; did you mean 'NBGW_SERVER__PORT'?"),
        ("NBGW_SERVER__PORT", "x", "NBGW_SERVER__PORT: Input should be a valid integer"),
        ("NBGW_MOUNTS", "[", "NBGW_MOUNTS: lists and sections are given as JSON, which this is not"),
        ("NBGW_MOUNTS", '[{"name": "a", "kind": "local", "foldr": "x"}]', "mounts[0].foldr: unknown setting"),
        ("NBGW_IDENTITY__TOKENS", "ada", "NBGW_IDENTITY__TOKENS: "),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str) -> None:
    monkeypatch.setenv(variable, value)
    assert expected in complaint({})


def test_only_the_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGW_IDENTITY__TOKENS", '[{"user": "ada", "token": "t"}]')
    monkeypatch.setenv("NBGW_IDENTITY__OCI_HOSTS", "a.example")
    monkeypatch.setenv("NBGW_IDENTITY__KEYCLOAK__ISSUER", "https://sso.example")
    assert complaint({}).startswith("NBGW_IDENTITY__OCI_HOSTS: lists and sections are given as JSON")


def test_variables_of_the_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGW_TEST_S3_ENDPOINT", "http://127.0.0.1:9000")
    assert load_settings(None).server.port == 8888


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"[server\n", "at line 1"), (b"port = 1\nport = 2\n", "line 2"), (b"\xff", "utf-8")],
)
def test_a_file_that_is_no_toml_is_refused_with_the_place(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=expected):
        load_settings(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{tmp_path}: Is a directory"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("values", "doubts"),
    [
        ({}, ["There are no mounts", "No credential is configured"]),
        (
            {"mounts": [HOMES], "nx1": {"mount": "s3"}, "identity": {"tokens": [{"user": "a", "token": "t"}]}},
            ["The Nx1 API takes"],
        ),
        (
            {"mounts": [FILES], "workspaces": [WORKSPACE], "identity": {"psks": [{"sha256": DIGEST}]}},
            ["The OCI API takes"],
        ),
        (
            {"mounts": [FILES], "server": {"host": "0.0.0.0"}, "identity": {"psks": [{"sha256": DIGEST}]}},
            ["Credentials travel in clear to 0.0.0.0"],
        ),
        (
            {
                "mounts": [FILES],
                "server": {"host": "0.0.0.0", "tls_cert": "c", "tls_key": "k"},
                "identity": {"psks": [{"sha256": DIGEST}]},
            },
            [],
        ),
    ],
)
def test_what_is_hardly_ever_meant_is_doubted(values: dict[str, Any], doubts: list[str]) -> None:
    said = list(load_settings(None, values).doubts())
    assert len(said) == len(doubts)
    assert all(sentence.startswith(start) for sentence, start in zip(said, doubts, strict=True))


@pytest.mark.parametrize(
    "identity",
    [
        {"oci_keys": [{"key_id": "i", "public_key": "x", "user": "u"}]},
        {"oci_keys_file": "x"},
        {"oci_token_issuers": [{**ISSUER, "public_key": "x"}]},
    ],
)
def test_who_signs_may_be_said_in_three_ways(identity: dict[str, Any]) -> None:
    settings = load_settings(None, {"mounts": [FILES], "workspaces": [WORKSPACE], "identity": identity})
    assert list(settings.doubts()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "oci_keys: Field required"),
        ("[[oci_keys]]\nkey_id = 7\n", "oci_keys[0].key_id: Input should be a valid string"),
        (KEY + "role = []\n", "oci_keys[0].role: unknown setting; did you mean 'roles'?"),
        ("[[oci_key]]\n", "oci_key: unknown setting; did you mean 'oci_keys'?"),
        ("[oci_keys]\n", "oci_keys: write its sections as [[oci_keys]], with two brackets"),
        (KEY + KEY, "two oci_keys have the key_id 't/u/f'"),
        (KEY + KEY.replace("key_id", "token"), "oci_keys[1].token: unknown setting"),
        ("[[oci_keys]", "at line 1"),
    ],
)
def test_a_broken_list_of_keys_is_refused_with_the_place(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_oci_keys(written(tmp_path, text))
    assert expected in str(caught.value)


def test_paths_in_a_list_of_keys_are_relative_to_its_folder(tmp_path: Path) -> None:
    absolute = KEY.replace("ada.pem", "/etc/ada.pem").replace("t/u/f", "t/u/g")
    keys = load_oci_keys(written(tmp_path, KEY + absolute))
    assert [key.public_key for key in keys] == [tmp_path / "ada.pem", Path("/etc/ada.pem")]


def test_a_workspace_folder_may_lie_in_the_root_mount() -> None:
    settings = load_settings(
        None, {"mounts": [{**FILES, "root": True}], "workspaces": [{**WORKSPACE, "folder": "any/where"}]}
    )
    assert settings.workspaces[0].folder == "any/where"


def test_a_mount_gives_its_adapter_what_is_its_own_with_secrets_in_clear() -> None:
    assert LocalMount(name="a", kind="local", folder=Path("/srv")).options() == {"root": "/srv"}
    nx1 = Nx1Mount.model_validate({**HOMES, "access_key_id": "i", "secret_access_key": "s"}).options()
    assert (nx1["bucket"], nx1["access_key_id"], nx1["secret_access_key"]) == ("b", "i", "s")
    jupyter = JupyterMount.model_validate({"name": "j", "kind": "jupyter", "url": "http://x", "token": "t"})
    assert jupyter.options() == {"url": "http://x", "token": "t", "folder": ""}
    oci = OciMount.model_validate(
        {"name": "w", "kind": "oci", "endpoint": "https://x", "platform_id": "p", "workspace_key": "k"}
    )
    assert set(oci.options()) == set(OciMount.model_fields) - set(LocalMount.model_fields) | {"folder"}


def test_a_token_is_known_by_its_digest_whichever_form_it_has() -> None:
    tokens = [{"user": "a", "token": "secret"}, {"user": "b", "sha256": "0" * 64}]
    settings = load_settings(None, {"identity": {"tokens": tokens}})
    assert [grant.digest for grant in settings.identity.tokens] == [DIGEST, "0" * 64]
