"""From the identity settings to the gate: which credentials are accepted, and whose they are."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from gateway.contents.model import Credential
from gateway.sections import Identity, JupyterMount, Keycloak, OciKey, OciTokenIssuer
from gateway.server.auth import Authenticator, Gatekeeper, Grant, Secrets
from gateway.server.registered_keys import RegisteredKey, RegisteredKeys, key_list
from gateway.server.road import Gate
from gateway.server.signatures import SessionSigners, SignatureAuthenticator
from gateway.server.signing_in.browsers import CookieAuthenticator, Grants
from gateway.server.signing_in.cookies import LoginCookies
from gateway.server.signing_in.origins import Origins
from gateway.server.signing_in.sign_in import SignIn
from gateway.server.signing_in.upstream_login import UpstreamAuthenticator, UpstreamLogin, UpstreamUsers
from gateway.server.tokens import NoBearer, PskAuthenticator, TokenAuthenticator
from gateway.settings import ConfigurationError, Settings, load_oci_keys
from gateway.state.sign_ins import StateSignIns
from gateway.state.signatures import StateSignatures
from gateway.state.store import StateStore
from gateway.wire.client import UpstreamClient


async def gate(settings: Settings, session: aiohttp.ClientSession, client: UpstreamClient, store: StateStore) -> Gate:
    """What lets requests in: for browsers it depends on whether there are pages, and on whose login is in charge."""
    known, home = _authenticators(settings.identity, session, store), settings.home()
    if home is None:
        return Gatekeeper(known)
    origins = Origins(settings.server.origins)
    if settings.jupyter.login == "upstream":
        url = next(mount.url for mount in settings.mounts if isinstance(mount, JupyterMount) and mount.name == home)
        known[Credential.UPSTREAM] = UpstreamAuthenticator(UpstreamUsers(client, url), origins)
        return UpstreamLogin(Gatekeeper(known), url)
    base_path, sign_ins = settings.server.base_path, StateSignIns(store)
    cookies = LoginCookies(await sign_ins.secret(), base_path)
    grants = _grants(settings.identity, cookies, known[Credential.JWT])
    browsers = CookieAuthenticator(cookies, grants, origins, sign_ins)
    known[Credential.COOKIE] = browsers
    takes_bearer = settings.identity.keycloak is not None
    return SignIn(Gatekeeper(known), cookies, browsers, grants, origins, base_path=base_path, takes_bearer=takes_bearer)


def gatekeeper(identity: Identity, session: aiohttp.ClientSession, store: StateStore) -> Gatekeeper:
    """A gatekeeper for all kinds of credentials; of a kind that is not configured every one is bad."""
    return Gatekeeper(_authenticators(identity, session, store))


def _authenticators(
    identity: Identity, session: aiohttp.ClientSession, store: StateStore
) -> dict[Credential, Authenticator]:
    psks = [Grant(each.sha256, each.user, frozenset(each.roles)) for each in identity.psks]
    return {
        Credential.TOKEN: TokenAuthenticator(_tokens(identity)),
        Credential.PSK: PskAuthenticator(Secrets(psks, Credential.PSK)),
        Credential.SIGNATURE: _signatures(identity, session, store),
        Credential.JWT: _bearer(identity.keycloak, session) if identity.keycloak else NoBearer(),
    }


def _tokens(identity: Identity) -> Secrets:
    grants = [Grant(each.digest, each.user, frozenset(each.roles)) for each in identity.tokens]
    return Secrets(grants, Credential.TOKEN)


def _grants(identity: Identity, cookies: LoginCookies, bearer: Authenticator) -> Grants:
    from gateway.server.bearer import BearerAuthenticator

    if identity.keycloak is None or not isinstance(bearer, BearerAuthenticator):
        return Grants(_tokens(identity), cookies)
    return Grants(_tokens(identity), cookies, bearer, identity.keycloak.issuer)


def _bearer(keycloak: Keycloak, session: aiohttp.ClientSession) -> Authenticator:
    from gateway.server.bearer import BearerAuthenticator, KeySet

    issuer = keycloak.issuer.rstrip("/")
    keys = KeySet(session, keycloak.jwks_url or f"{issuer}/protocol/openid-connect/certs")
    return BearerAuthenticator(keys, issuer=keycloak.issuer, audience=keycloak.audience)


def _signatures(identity: Identity, session: aiohttp.ClientSession, store: StateStore) -> Authenticator:
    listed = key_list(identity.oci_keys_file, _listed) if identity.oci_keys_file else None
    return SignatureAuthenticator(
        RegisteredKeys(map(_registered, identity.oci_keys), listed),
        sessions=_sessions(identity.oci_token_issuers, session) if identity.oci_token_issuers else None,
        seen=StateSignatures(store) if identity.oci_replay_defence else None,
        hosts=frozenset(identity.oci_hosts),
        min_key_bits=identity.oci_min_key_bits,
    )


def _registered(key: OciKey) -> RegisteredKey:
    return RegisteredKey(key.key_id, key.public_key, key.user, frozenset(key.roles))


def _listed(file: Path) -> list[RegisteredKey]:
    try:
        return [_registered(key) for key in load_oci_keys(file)]
    except ConfigurationError as error:
        raise ValueError(str(error)) from error


def _sessions(issuers: tuple[OciTokenIssuer, ...], session: aiohttp.ClientSession) -> SessionSigners:
    from gateway.server.bearer import KeySet
    from gateway.server.session_tokens import OneKey, SessionIssuer, SessionTokens

    return SessionTokens(
        SessionIssuer(
            each.issuer,
            OneKey(each.public_key) if each.public_key else KeySet(session, each.jwks_url or ""),
            audience=each.audience,
            user_claim=each.user_claim,
            key_claim=each.key_claim,
            roles=frozenset(each.roles),
        )
        for each in issuers
    )
