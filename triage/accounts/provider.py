"""Sign-in at an OpenID provider: authorization code with PKCE, state, nonce (OpenID Connect Core 1.0, 3.1).

Promises that an answer is taken once, from the browser that asked, that the ID token is signed by the
provider's present keys, for us, and that the person signed in at the provider because we asked: a session
that the provider still has opens neither a locked page nor a left one. Refuses unsigned and symmetric
signatures, another issuer's words, and people whom the provider gives no role here. Nothing of a token is
stored or logged.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Engine

from triage.config import OidcSettings
from triage.domain.account import Role, person_name
from triage.domain.errors import Refused, Unavailable
from triage.domain.vouching import demand_signed_in_since, role_of, words_of
from triage.store import provider_requests
from triage.store.provider_requests import Begun

# Signatures with the provider's private key alone: "none" and HS256 let others, or ourselves, forge.
ALGORITHMS = [
    "RS256",
    "PS256",
    "ES256",
    "RS384",
    "RS512",
    "PS384",
    "PS512",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
]
LEEWAY_S = 60
METADATA_S = 3600.0
KEYS_AGAIN_S = 30.0
BACK = "/sign-in/provider/back"


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for."""

    subject: str
    name: str
    role: Role


class Provider:
    """One provider; its description and keys are kept for a while, and keys are asked for anew when unknown."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._metadata_until = 0.0
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    def begin(self, engine: Engine, place: str) -> tuple[str, str]:
        """Return the provider's address to go to, and the secret that the browser has to bring back.

        The provider must ask who is there even if it knows: whoever sits at a page that somebody left could
        otherwise come in as them by a click. With max_age it must also say when it asked (Core 1.0, 3.1.2.1).
        """
        browser, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        provider_requests.begin(engine, _digest(browser, state), nonce, verifier, place)
        with self._client() as client:
            address, _ = client.create_authorization_url(
                self._described()["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
                prompt="login",
                max_age="0",
            )
        return str(address), browser

    def finish(self, engine: Engine, browser: str, state: str, code: str) -> tuple[Person, str]:
        """Return whom the provider vouches for, and the place to go to; raises Refused or Unavailable."""
        begun = provider_requests.finish(engine, _digest(browser, state))
        if begun is None or not code:
            raise Refused("sign-in", "That sign-in is over or began elsewhere. Begin again.")
        claims = self._claims(self._exchange(code, begun), begun.nonce)
        demand_signed_in_since(claims, begun.at, timedelta(seconds=LEEWAY_S))
        return self._person(claims), begun.place

    def end_address(self) -> str:
        """Return where the browser goes to end the provider's session too; empty when the provider has no such place."""
        end = self._described().get("end_session_endpoint")
        after = {
            "client_id": self._settings.client_id,
            "post_logout_redirect_uri": f"{self._settings.base_url}/sign-in",
        }
        return f"{end}?{urlencode(after)}" if end else ""

    def _client(self) -> OAuth2Client:
        said = self._settings
        return OAuth2Client(
            client_id=said.client_id,
            client_secret=said.client_secret.get_secret_value() or None,
            token_endpoint_auth_method="client_secret_basic"
            if said.client_secret.get_secret_value()
            else "none",
            scope=" ".join(said.scopes),
            redirect_uri=said.base_url + BACK,
            code_challenge_method="S256",
            timeout=said.timeout_s,
        )

    def _exchange(self, code: str, begun: Begun) -> Mapping[str, Any]:
        try:
            with self._client() as client:
                answer = client.fetch_token(
                    self._described()["token_endpoint"], code=code, code_verifier=begun.verifier
                )
        except OAuthError as refused:
            raise Refused("sign-in", "The provider did not confirm that sign-in.") from refused
        except httpx2.HTTPError as away:
            raise Unavailable("provider", "the sign-in provider does not answer") from away
        return dict(answer)

    def _claims(self, answer: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        said = self._settings
        must = {
            "iss": {"essential": True, "value": said.issuer},
            "aud": {"essential": True, "value": said.client_id},
            "sub": {"essential": True},
        }
        params = {"nonce": nonce, "client_id": said.client_id, "access_token": answer.get("access_token")}
        try:
            token = self._decoded(str(answer.get("id_token") or ""))
            claims = CodeIDToken(token.claims, token.header, must, params)
            claims.validate(leeway=LEEWAY_S)
            return dict(claims)
        except (JoseError, ValueError) as wrong:
            raise Refused("sign-in", "The provider's answer does not fit.") from wrong

    def _decoded(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._key_set(fresh=False), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The provider may have changed its keys since: ask once more, then believe the answer.
            return jwt.decode(id_token, self._key_set(fresh=True), algorithms=ALGORITHMS)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        role = role_of(words_of(claims, self._settings.role_claim), self._settings.roles)
        if role is None:
            raise Refused("no-role", "Nobody gave you a role here. Ask an admin.")
        return Person(str(claims["sub"]), person_name(str(claims.get(self._settings.name_claim) or "")), role)

    def _described(self) -> Mapping[str, Any]:
        with self._lock:
            if time.monotonic() > self._metadata_until:
                found = self._fetched(self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
                # OpenID Connect Discovery 4.3: it must speak of itself.
                if found.get("issuer") != self._settings.issuer:
                    raise Unavailable("provider", "the sign-in provider describes another issuer")
                self._metadata, self._metadata_until = found, time.monotonic() + METADATA_S
            return self._metadata

    def _key_set(self, *, fresh: bool) -> KeySet:
        address = str(self._described()["jwks_uri"])
        with self._lock:
            age = time.monotonic() - self._keys_at
            # Anybody can send tokens with unknown keys; the provider is not asked for each.
            if self._keys is None or (fresh and age > KEYS_AGAIN_S) or age > METADATA_S:
                self._keys = KeySet.import_key_set(self._fetched(address))  # type: ignore[arg-type]  # a JSON object
                self._keys_at = time.monotonic()
            return self._keys

    def _fetched(self, address: str) -> dict[str, Any]:
        try:
            answer = httpx2.get(address, timeout=self._settings.timeout_s)
            answer.raise_for_status()
            return dict(answer.json())
        except (httpx2.HTTPError, ValueError) as away:
            raise Unavailable("provider", "the sign-in provider does not answer") from away


def _digest(browser: str, state: str) -> bytes:
    return hashlib.sha256(f"{browser}\0{state}".encode()).digest()
