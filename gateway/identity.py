"""From the identity settings to the gatekeeper: which credentials are accepted, and whose they are."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from gateway.contents.model import Credential
from gateway.sections import Identity, Keycloak, OciKey, OciTokenIssuer
from gateway.server.auth import Authenticator, Gatekeeper, Grant, Secrets
from gateway.server.registered_keys import RegisteredKey, RegisteredKeys, key_list
from gateway.server.signatures import SessionSigners, SignatureAuthenticator
from gateway.server.tokens import NoBearer, PskAuthenticator, TokenAuthenticator
from gateway.settings import ConfigurationError, load_oci_keys
from gateway.state.signatures import StateSignatures
from gateway.state.store import StateStore


def gatekeeper(identity: Identity, session: aiohttp.ClientSession, store: StateStore) -> Gatekeeper:
    """A gatekeeper for all kinds of credentials; of a kind that is not configured every one is bad."""
    tokens = [Grant(each.digest, each.user, frozenset(each.roles)) for each in identity.tokens]
    psks = [Grant(each.sha256, each.user, frozenset(each.roles)) for each in identity.psks]
    authenticators: dict[Credential, Authenticator] = {
        Credential.TOKEN: TokenAuthenticator(Secrets(tokens, Credential.TOKEN)),
        Credential.PSK: PskAuthenticator(Secrets(psks, Credential.PSK)),
        Credential.SIGNATURE: _signatures(identity, session, store),
        Credential.JWT: _bearer(identity.keycloak, session) if identity.keycloak else NoBearer(),
    }
    return Gatekeeper(authenticators)


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
