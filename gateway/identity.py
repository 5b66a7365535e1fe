"""From the identity settings to the gatekeeper: which credentials are accepted, and whose they are."""

from __future__ import annotations

import aiohttp

from gateway.contents.model import Credential
from gateway.sections import Identity, Keycloak
from gateway.server.auth import Authenticator, Gatekeeper, Grant, Secrets
from gateway.server.signatures import RegisteredKey, RegisteredKeys, SignatureAuthenticator
from gateway.server.tokens import NoBearer, PskAuthenticator, TokenAuthenticator


def gatekeeper(identity: Identity, session: aiohttp.ClientSession) -> Gatekeeper:
    """A gatekeeper for all kinds of credentials; of a kind that is not configured every one is bad."""
    tokens = [Grant(each.digest, each.user, frozenset(each.roles)) for each in identity.tokens]
    psks = [Grant(each.sha256, each.user, frozenset(each.roles)) for each in identity.psks]
    keys = [RegisteredKey(key.key_id, key.public_key, key.user, frozenset(key.roles)) for key in identity.oci_keys]
    authenticators: dict[Credential, Authenticator] = {
        Credential.TOKEN: TokenAuthenticator(Secrets(tokens, Credential.TOKEN)),
        Credential.PSK: PskAuthenticator(Secrets(psks, Credential.PSK)),
        Credential.SIGNATURE: SignatureAuthenticator(
            RegisteredKeys(keys), hosts=frozenset(identity.oci_hosts), min_key_bits=identity.oci_min_key_bits
        ),
        Credential.JWT: _bearer(identity.keycloak, session) if identity.keycloak else NoBearer(),
    }
    return Gatekeeper(authenticators)


def _bearer(keycloak: Keycloak, session: aiohttp.ClientSession) -> Authenticator:
    from gateway.server.bearer import BearerAuthenticator, KeySet

    issuer = keycloak.issuer.rstrip("/")
    keys = KeySet(session, keycloak.jwks_url or f"{issuer}/protocol/openid-connect/certs")
    return BearerAuthenticator(keys, issuer=keycloak.issuer, audience=keycloak.audience)
