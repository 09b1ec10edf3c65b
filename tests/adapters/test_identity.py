"""Identities by ID token of a real issuer over HTTP, and by local name only where that is allowed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from fleetkeeper.adapters.identity import VerifiedIdentities
from fleetkeeper.config import ApprovalSettings, OidcSettings
from fleetkeeper.core.run import Command, Verb
from fleetkeeper.errors import Refused, Unreachable
from tests.issuer import Issuer, issuer

__all__ = ["issuer"]


def verify(issuer: Issuer, token: str, claim: str = "email") -> str:
    settings = ApprovalSettings(oidc=OidcSettings(issuer.url, "fleetkeeper", claim))
    return VerifiedIdentities(settings).verify(said("oidc", token))


def said(identity: str, proof: str = "", actor: str = "whoever") -> Command:
    return Command("c1", "run-1", Verb.APPROVE, "", actor, identity, datetime.now(UTC), "", proof)


def test_a_token_of_the_issuer_shows_its_name_whatever_the_command_says(issuer: Issuer) -> None:
    assert verify(issuer, issuer.token()) == "ada@example.com"
    assert verify(issuer, issuer.token(sub="u-1"), claim="sub") == "u-1"


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": 1_000_000}, id="that is expired"),
        pytest.param({"exp": None}, id="that never expires"),
        pytest.param({"aud": "another"}, id="for another audience"),
        pytest.param({"iss": "https://elsewhere"}, id="of another issuer"),
        pytest.param({"email": None}, id="without the claim"),
        pytest.param({"email": 42}, id="whose claim is no text"),
        pytest.param({"email_verified": False}, id="whose address is not verified"),
        pytest.param({"nbf": 4_000_000_000}, id="that is not valid yet"),
    ],
)
def test_a_token_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        verify(issuer, issuer.token(**claims))


def test_a_token_that_another_key_signed_is_refused(issuer: Issuer) -> None:
    forged = issuer.token(RSAKey.generate_key(2048, {"kid": "k1"}))
    with pytest.raises(Refused):
        verify(issuer, forged)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFkYSJ9."])
def test_what_is_no_signed_token_is_refused(issuer: Issuer, token: str) -> None:
    with pytest.raises(Refused):
        verify(issuer, token)


def test_keys_are_read_once_and_serve_for_a_while(issuer: Issuer) -> None:
    settings = ApprovalSettings(oidc=OidcSettings(issuer.url, "fleetkeeper"))
    identities = VerifiedIdentities(settings)
    for _ in range(3):
        identities.verify(said("oidc", issuer.token()))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def test_an_issuer_that_does_not_answer_is_a_wait_not_a_refusal(issuer: Issuer) -> None:
    issuer.down = True
    with pytest.raises(Unreachable):
        verify(issuer, issuer.token())


def test_an_issuer_that_does_not_answer_is_left_alone_for_a_moment(issuer: Issuer) -> None:
    identities = VerifiedIdentities(ApprovalSettings(oidc=OidcSettings(issuer.url, "fleetkeeper")))
    issuer.down = True
    for _ in range(3):
        with pytest.raises(Unreachable, match="answered 503"):
            identities.verify(said("oidc", issuer.token()))
    assert issuer.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("settings", "can"),
    [
        pytest.param(ApprovalSettings(), False, id="nothing configured"),
        pytest.param(ApprovalSettings(local=True), True, id="local names"),
        pytest.param(ApprovalSettings(oidc=OidcSettings("http://127.0.0.1", "fleetkeeper")), True, id="an issuer"),
    ],
)
def test_whether_anybody_can_be_verified_is_a_matter_of_the_settings(settings: ApprovalSettings, can: bool) -> None:
    assert VerifiedIdentities(settings).can_verify is can


def test_a_local_name_counts_only_where_it_is_allowed() -> None:
    assert VerifiedIdentities(ApprovalSettings(local=True)).verify(said("local", actor="bob")) == "bob"
    with pytest.raises(Refused, match="proves nothing here"):
        VerifiedIdentities(ApprovalSettings()).verify(said("local", actor="bob"))


@pytest.mark.parametrize("identity", ["oidc", "slack", "", "Local"])
def test_a_kind_of_identity_that_is_not_configured_is_refused(identity: str) -> None:
    with pytest.raises(Refused):
        VerifiedIdentities(ApprovalSettings(local=True)).verify(said(identity))
