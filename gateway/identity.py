"""From the identity settings to the gatekeeper: which credentials are accepted, and whose they are."""

from __future__ import annotations

import hashlib

import aiohttp

from gateway.contents.model import Credential
from gateway.server.auth import Authenticator, Gatekeeper, Grant, Secrets
from gateway.server.signatures import RegisteredKey, RegisteredKeys, SignatureAuthenticator
from gateway.server.tokens import PskAuthenticator, TokenAuthenticator
from gateway.settings import Identity, Keycloak, TokenGrant


def gatekeeper(identity: Identity, session: aiohttp.ClientSession) -> Gatekeeper:
    """A gatekeeper for exactly the kinds of credentials that are configured."""
    tokens = [Grant(_digest(each), each.user, frozenset(each.roles)) for each in identity.tokens]
    psks = [Grant(each.sha256, each.user, frozenset(each.roles)) for each in identity.psks]
    keys = [RegisteredKey(key.key_id, key.public_key, key.user, frozenset(key.roles)) for key in identity.oci_keys]
    authenticators: dict[Credential, Authenticator] = {
        Credential.TOKEN: TokenAuthenticator(Secrets(tokens, Credential.TOKEN)),
        Credential.PSK: PskAuthenticator(Secrets(psks, Credential.PSK)),
        Credential.SIGNATURE: SignatureAuthenticator(
            RegisteredKeys(keys), hosts=frozenset(identity.oci_hosts), min_key_bits=identity.oci_min_key_bits
        ),
    }
    if identity.keycloak is not None:
        authenticators[Credential.JWT] = _bearer(identity.keycloak, session)
    return Gatekeeper(authenticators)


def _bearer(keycloak: Keycloak, session: aiohttp.ClientSession) -> Authenticator:
    from gateway.server.bearer import BearerAuthenticator, KeySet

    issuer = keycloak.issuer.rstrip("/")
    keys = KeySet(session, keycloak.jwks_url or f"{issuer}/protocol/openid-connect/certs")
    return BearerAuthenticator(keys, issuer=keycloak.issuer, audience=keycloak.audience)


def _digest(grant: TokenGrant) -> str:
    if grant.token is None:
        return grant.sha256 or ""
    return hashlib.sha256(grant.token.get_secret_value().encode()).hexdigest()
