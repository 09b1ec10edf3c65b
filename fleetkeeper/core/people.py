"""Who may do what: the roles of the fleet's people, by the names that their identities are verified as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleetkeeper.core.run import Verb


class Role(StrEnum):
    """A role includes those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"


_ORDER = tuple(Role)

STOPS = frozenset({Verb.PAUSE, Verb.ABORT})
"""Verbs that are never refused for who says them: what stops work must not wait for an identity provider."""


def needed(verb: Verb) -> Role | None:
    """The role that a verb takes; None for those that stop."""
    if verb in STOPS:
        return None
    return Role.APPROVER if verb in (Verb.APPROVE, Verb.REJECT) else Role.OPERATOR


def unverified(name: str) -> str:
    """A name as the log has it that nobody verified."""
    return f"{name} (not verified)"


@dataclass(frozen=True, slots=True)
class People:
    """Name → role; everyone else has `others`. alike: another name → the first, so that nobody approves own work."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    others: Role = Role.VIEWER
    alike: Mapping[str, str] = field(default_factory=dict)

    def may(self, name: str, role: Role) -> bool:
        return _ORDER.index(self.role_of(name)) >= _ORDER.index(role)

    def role_of(self, name: str) -> Role:
        return self.roles.get(name) or self.roles.get(self.person(name), self.others)

    def person(self, name: str) -> str:
        """The one name of a person with several."""
        return self.alike.get(name, name)

    def with_role(self, role: Role) -> tuple[str, ...]:
        """Everyone who has at least this role, by name."""
        return tuple(sorted(name for name in self.roles if self.may(name, role)))
