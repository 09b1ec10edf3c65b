"""Who speaks to the control plane, and the kubeconfig text for it."""

import csv
import io
import json
import secrets
from base64 import b64encode
from dataclasses import dataclass, field

ADMIN_GROUP = "system:masters"  # bypasses RBAC


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with groups and a credential: a token, or a client certificate with its key (PEM text)."""

    user: str
    groups: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TokenUser:
    """A user who gets a static bearer token; the API server reads these once, when it starts."""

    user: str
    groups: tuple[str, ...] = ()


def with_token(user: TokenUser) -> Identity:
    """The user with a fresh random token."""
    return Identity(user.user, user.groups, token=secrets.token_urlsafe(32))


def render_token_file(identities: tuple[Identity, ...]) -> str:
    """The API server's --token-auth-file: token,user,uid,"group,group"."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        (one.token, one.user, one.user, ",".join(one.groups)) for one in identities
    )
    return text.getvalue()


def render_kubeconfig(server: str, ca_pem: str, identity: Identity) -> str:
    """A kubeconfig for one user, with the CA and the credential inside; JSON, which is YAML too."""
    credential = (
        {"token": identity.token}
        if identity.token
        else {
            "client-certificate-data": _base64(identity.certificate),
            "client-key-data": _base64(identity.key),
        }
    )
    cluster = {"server": server, "certificate-authority-data": _base64(ca_pem)}
    context = {"cluster": "plane", "user": identity.user}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "plane",
            "clusters": [{"name": "plane", "cluster": cluster}],
            "users": [{"name": identity.user, "user": credential}],
            "contexts": [{"name": "plane", "context": context}],
        },
        indent=2,
    )


def render_webhook_config(url: str) -> str:
    """The API server's --authentication-token-webhook-config-file: where it asks whose a bearer token is."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "webhook",
            "clusters": [{"name": "webhook", "cluster": {"server": url}}],
            "users": [{"name": "api-server", "user": {}}],
            "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "api-server"}}],
        },
        indent=2,
    )


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
