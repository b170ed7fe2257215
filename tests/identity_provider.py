"""A real OpenID provider (oidc-provider-mock, built on Authlib) in a thread, with what it lacks: the PKCE check,
and sessions of its own, as providers have them: who signed in there once goes through without being asked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import httpx2 as httpx
import oidc_provider_mock
import werkzeug.serving
from authlib import jose


@dataclass
class IdentityProvider:
    """The provider; `storage` is the package's own, `challenges` are those of codes not yet exchanged.

    `sessions` is when each person signed in here. A provider that does not `obey` lets them through whatever
    prompt and max_age say; one that does not `tell` leaves auth_time out.
    """

    address: str = ""
    storage: Any = None
    challenges: dict[str, str] = field(default_factory=dict)
    refused_verifiers: int = 0
    sessions: dict[str, int] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    obeys: bool = True
    tells: bool = True

    def person(self, subject: str, **claims: object) -> None:
        """Let the provider know somebody."""
        httpx.put(f"{self.address}/users/{subject}", json=claims).raise_for_status()

    def rotate_keys(self) -> None:
        """Sign with another key from now on; the old one is gone."""
        self.storage.jwk = jose.RSAKey.generate_key(is_private=True)

    def agree(self, address: str, subject: str) -> str:
        """Sign in at the provider as that person; return where the browser is sent."""
        self.sessions[subject] = int(time.time())
        return self._let_through(address, subject)

    def glide(self, address: str, subject: str) -> str:
        """Follow the link with the session that the provider still has; empty when it asks for the password."""
        asked = parse_qs(urlsplit(address).query)
        age = time.time() - self.sessions[subject]
        most = float(asked.get("max_age", ["inf"])[0])
        if self.obeys and ("login" in asked.get("prompt", []) or age > most):
            return ""
        return self._let_through(address, subject)

    def _let_through(self, address: str, subject: str) -> str:
        answer = httpx.post(address, data={"sub": subject}, follow_redirects=False)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def watch(self, app: flask.Flask) -> None:
        """Keep each code's challenge, and refuse a code without its verifier (RFC 7636 4.6)."""

        @app.before_request
        def before() -> Any:
            if not self.address:
                return None
            self.storage = flask.g.oidc_provider_mock_storage
            if flask.request.path != "/oauth2/token":
                return None
            challenge = self.challenges.pop(flask.request.form.get("code", ""), None)
            verifier = flask.request.form.get("code_verifier", "")
            digest = hashlib.sha256(verifier.encode()).digest()
            flask.g.signed_in = self.times.pop(flask.request.form.get("code", ""), None)
            if challenge == base64.urlsafe_b64encode(digest).decode().rstrip("="):
                return None
            self.refused_verifiers += 1
            return {"error": "invalid_grant"}, 400

        @app.after_request
        def after(answer: flask.Response) -> flask.Response:
            if flask.request.path == "/oauth2/authorize" and answer.status_code == 302:
                assert flask.request.args.get("code_challenge_method") == "S256"
                (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
                self.challenges[code] = flask.request.args["code_challenge"]
                self.times[code] = self.sessions[flask.request.form["sub"]]
            if flask.request.path == "/oauth2/token" and answer.status_code == 200:
                answer.set_data(json.dumps(self._timed(json.loads(answer.get_data()))))
            return answer

    def _timed(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return the answer with an ID token that says when the person signed in; the package says "now"."""
        claims = dict(jose.jwt.decode(told["id_token"], self.storage.jwk))
        claims["auth_time"] = flask.g.signed_in
        if not self.tells:
            del claims["auth_time"]
        signed = jose.jwt.encode({"alg": "RS256"}, claims, self.storage.jwk)
        return {**told, "id_token": signed.decode()}


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Run the provider on a free port."""
    provider = IdentityProvider()
    app = oidc_provider_mock.app(require_nonce=True)
    provider.watch(app)
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        httpx.get(f"{provider.address}/jwks").raise_for_status()
        yield provider
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def onward(text: str) -> str:
    """Return where a page of ours leads by itself."""
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', text)
    assert found
    return found[1].replace("&amp;", "&")
