"""Accounts as AWS Organizations lists them, with the path of organizational units that each stands in."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.pages import Listing, Pages
from fleetkeeper.adapters.eks.parse import ListedAccount, Unit
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.config import AwsSettings, Organizations
from fleetkeeper.core.model import Account, Scope
from fleetkeeper.errors import InvalidAnswer

# Organizations is a global service with one rate limit for the organization, answered in one region per partition.
_REGION = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
# AWS nests units five deep (docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html, 2026-11);
# a tree that goes on for ever is a broken answer.
_DEEPEST = 10


def organization_accounts(sessions: Sessions, settings: AwsSettings) -> tuple[tuple[Account, ...], tuple[str, ...]]:
    """Active accounts of the organization, within the configured OUs, without the excluded ones.

    Beside them the configured OUs that are not there: a typing mistake must not read as an empty unit.
    """
    wanted = settings.organizations or Organizations()
    session = sessions.assumed(wanted.role_arn, "")
    scope = Scope("organizations", _REGION.get(settings.partition, "us-east-1"), settings.partition)
    tree = _Tree(Pages(sessions, session, scope), wanted)
    accounts = tuple(account for root in tree.roots() for account in tree.below(root.id, (), not wanted.include_ous))
    return accounts, tuple(ou for ou in wanted.include_ous if ou not in tree.found)


@dataclass(frozen=True, slots=True)
class _Tree:
    """The organization. Accounts are only read inside of a wanted OU: a tree costs a call per OU and account."""

    pages: Pages
    wanted: Organizations
    found: set[str] = field(default_factory=set)  # ids and paths of all units

    def roots(self) -> Iterator[Unit]:
        return self.pages.items(Listing("organizations", "list_roots", "Roots"), parse.unit)

    def below(self, parent: str, path: tuple[str, ...], inside: bool) -> Iterator[Account]:
        """The accounts below a root or OU."""
        if len(path) > _DEEPEST:
            raise InvalidAnswer(f"organizations: units are nested without end below {'/'.join(path[:3])}")
        names = {parent, "/".join(path)}
        self.found.update(names)
        inside = inside or not names.isdisjoint(self.wanted.include_ous)
        if inside:
            for listed in self._accounts(parent):
                if listed.active and listed.id not in self.wanted.exclude_accounts:
                    yield Account(listed.id, listed.name, "/".join(path), self._tags(listed.id))
        for unit in self._units(parent):
            yield from self.below(unit.id, (*path, unit.name), inside)

    def _units(self, parent: str) -> Iterator[Unit]:
        operation = "list_organizational_units_for_parent"
        return self.pages.items(
            Listing("organizations", operation, "OrganizationalUnits", {"ParentId": parent}, of=parent), parse.unit
        )

    def _accounts(self, parent: str) -> Iterator[ListedAccount]:
        listing = Listing("organizations", "list_accounts_for_parent", "Accounts", {"ParentId": parent}, of=parent)
        return self.pages.items(listing, parse.listed_account)

    def _tags(self, account: str) -> dict[str, str]:
        listing = Listing("organizations", "list_tags_for_resource", "Tags", {"ResourceId": account}, of=account)
        return dict(self.pages.items(listing, parse.tag))
