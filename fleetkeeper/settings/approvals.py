"""The [approvals] section: who may approve, how they are known, and where the executor's signing key comes from."""

from fleetkeeper.config import ApprovalSettings, OidcSettings
from fleetkeeper.core.people import Role
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.sources import Surroundings

KEY_VARIABLE = "FLEETKEEPER_APPROVALS__SIGNING_KEY"
_SHORTEST_KEY = 32  # characters; 16 random bytes in hex


def read_approvals(table: Table, around: Surroundings) -> ApprovalSettings:
    key = around.secret(table, "signing_key", KEY_VARIABLE)
    if key and len(key.value) < _SHORTEST_KEY:
        table.mistake("signing_key_file", "is too short to sign with", "make one with `openssl rand -hex 32`")
    oidc = table.table("oidc")
    others = table.text("others", Role.VIEWER.value, choices=tuple(Role))
    return ApprovalSettings(
        signing_key=key,
        local=table.boolean("local", False),
        oidc=_oidc(oidc) if oidc.names() else None,
        others=Role(others) if others in tuple(Role) else Role.VIEWER,
        people=_people(table),
        alike=_alike(table),
    )


def _oidc(table: Table) -> OidcSettings:
    return OidcSettings(
        issuer=table.text("issuer", check=checks.http_url),
        audience=table.text("audience"),
        claim=table.text("claim", "email"),
    )


def _people(table: Table) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for name, role in table.mapping("people", {}).items():
        if role not in tuple(Role):
            table.mistake("people", f"{name}: must be one of {', '.join(Role)}")
        else:
            roles[name] = Role(role)
    return roles


def _alike(table: Table) -> dict[str, str]:
    alike = dict(table.mapping("alike", {}))
    for name, first in alike.items():
        if first in alike:
            table.mistake("alike", f"{name}: {first} is another name itself", f"write {name} = {alike[first]!r}")
        if name in table.mapping("people", {}):
            table.mistake("alike", f"{name} has a role of its own in people", "keep the role of the first name")
    return alike
