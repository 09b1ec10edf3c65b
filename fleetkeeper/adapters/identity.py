"""Verifies who stands behind a command: an ID token of the configured issuer, or, where it is allowed, a local name."""

import json
import threading
import time
from typing import Any

import urllib3
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fleetkeeper.config import ApprovalSettings, OidcSettings
from fleetkeeper.core.approval import digest_heard
from fleetkeeper.core.run import Command
from fleetkeeper.errors import GapReason, Refused, Unreachable

LOCAL, OIDC = "local", "oidc"

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_KEYS_SERVE = 3600.0  # seconds of wall time; a token of an unknown key asks for the keys anew
_ASK_AGAIN = 30.0
_SILENT = 5.0  # for so long an issuer that did not answer is not asked again
_LEEWAY = 60  # seconds between the clocks of the issuer and ours
_LARGEST = 1 << 20


class VerifiedIdentities:
    """engine.decisions.Identities by the operator's settings. key: the executor's, None where nobody listens to Slack.

    Slack has no token for who clicked: the daemon that heard the click, and asked Slack who that is, proves it by its
    key. So a row of the database that only says "slack" is nobody's.
    """

    def __init__(self, settings: ApprovalSettings, key: bytes | None = None) -> None:
        self._local = settings.local
        self._key = key
        self._oidc = _Issuer(settings.oidc) if settings.oidc else None

    @property
    def can_verify(self) -> bool:
        return self._local or self._oidc is not None

    def verify(self, command: Command) -> str:
        match command.identity:
            case "local" if self._local:
                return command.actor
            case "local":
                raise Refused(
                    "a name of the local machine proves nothing here; say it with `--token-file` and an ID token"
                    " (approvals.oidc), or set approvals.local where all who reach the database are trusted"
                )
            case "oidc" if self._oidc:
                return self._oidc.verify(command.proof)
            case "oidc":
                raise Refused("ID tokens are not accepted: approvals.oidc is not configured")
            case "slack":
                return self._heard(command)
            case other:
                raise Refused(f"an identity of kind {other!r} cannot be verified here")

    def _heard(self, command: Command) -> str:
        if self._key is None:
            raise Refused("nobody listens to Slack here: [slack] is not configured")
        if digest_heard(command, self._key) is None:
            unheard = "it says that it was clicked in Slack, and no daemon of this fleet heard that"
            raise Refused(unheard, GapReason.UNAUTHENTICATED)
        return command.actor


class _Issuer:
    """One OpenID Connect issuer; its keys are fetched when they are needed and kept for an hour."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._http = urllib3.PoolManager(retries=False, timeout=10.0)
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._silence = ""
        self._failed = 0.0

    def verify(self, token: str) -> str:
        """The name in a valid ID token; Refused with why for any other, Unreachable without the issuer's keys."""
        try:
            found = self._decoded(token, self._known_keys(_KEYS_SERVE))
        except (JoseError, ValueError):
            try:
                found = self._decoded(token, self._known_keys(_ASK_AGAIN))
            except (JoseError, ValueError) as error:
                raise Refused(f"the ID token is not valid: {error}", GapReason.UNAUTHENTICATED) from error
        if found.get("email_verified") is False and self._settings.claim == "email":
            raise Refused("the ID token's e-mail address is not verified", GapReason.UNAUTHENTICATED)
        name = found.get(self._settings.claim)
        if not isinstance(name, str) or not name:
            raise Refused(f"the ID token has no {self._settings.claim}", GapReason.UNAUTHENTICATED)
        return name

    def _decoded(self, token: str, keys: KeySet) -> dict[str, Any]:
        claims = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.audience},
            exp={"essential": True},
        )
        rules.validate(claims)
        return claims

    def _known_keys(self, serve: float) -> KeySet:
        with self._lock:
            now = time.monotonic()
            if self._keys is not None and now - self._fetched <= serve:
                return self._keys
            if self._silence and now - self._failed <= _SILENT:
                raise Unreachable(self._silence)
            try:
                self._keys, self._fetched, self._silence = self._read_keys(), time.monotonic(), ""
            except Unreachable as error:
                self._silence, self._failed = error.detail, time.monotonic()
                raise
            return self._keys

    def _read_keys(self) -> KeySet:
        found = self._get(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        return KeySet.import_key_set(self._get(str(found.get("jwks_uri", ""))))

    def _get(self, url: str) -> Any:
        try:
            answer = self._http.request("GET", url, redirect=False, preload_content=False)
            with answer:
                body = answer.read(_LARGEST)
            if answer.status != 200:
                raise Unreachable(f"{url} answered {answer.status}", GapReason.SERVER_ERROR)
            return json.loads(body)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Unreachable(f"the issuer's keys cannot be read from {url}: {error}") from error
