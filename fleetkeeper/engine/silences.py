"""The port to what silences alerts, and what a silence of one member is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleetkeeper.core.plan import Header, Member
from fleetkeeper.core.playbook import GateSpec
from fleetkeeper.core.silencing import PLACES, Matcher, heard
from fleetkeeper.errors import GapReason, Refused


@dataclass(frozen=True, slots=True)
class Quiet:
    """Alerts of one cluster. values: what placeholders stand for; matchers: the playbook's, beside the settings'.

    heard: alerts, as regexes of their names, that stay heard whatever the matchers say. why: for whoever sees it there.
    """

    values: Mapping[str, str]
    matchers: tuple[Matcher, ...] = ()
    heard: tuple[str, ...] = ()
    why: str = ""


class Silences(Protocol):
    """Alertmanagers and PagerDuty accounts by the names of the settings. A token finds its silence again.

    Raises ReadErrors; Refused for a name that the settings do not have, and for what the other side cannot silence.
    """

    def covers(self, source: str, quiet: Quiet) -> str:
        """In words what would be silenced, "" where the settings know nothing of this cluster. Asks nobody."""
        ...

    def find(self, source: str, quiet: Quiet, token: str) -> datetime | None:
        """Until when the silence of this token holds; None when none does."""
        ...

    def hold(self, source: str, quiet: Quiet, token: str, until: datetime) -> None:
        """Begin it, or prolong the one of this token: called twice it is one."""
        ...

    def end(self, source: str, quiet: Quiet, token: str) -> None:
        """Nothing when it is over."""
        ...


class NoSilences:
    """Where the settings name nothing that could silence."""

    def covers(self, source: str, quiet: Quiet) -> str:  # noqa: ARG002  # the port's words
        raise Refused(f"the settings have no [[engine.silencers]] of the name {source}", GapReason.NOT_CONFIGURED)

    def find(self, source: str, quiet: Quiet, token: str) -> datetime | None:  # noqa: ARG002  # likewise
        self.covers(source, quiet)
        return None

    def hold(self, source: str, quiet: Quiet, token: str, until: datetime) -> None:  # noqa: ARG002  # likewise
        self.covers(source, quiet)

    def end(self, source: str, quiet: Quiet, token: str) -> None:  # noqa: ARG002  # likewise
        self.covers(source, quiet)


def quiet_of(header: Header, member: Member, matchers: tuple[Matcher, ...], run: str) -> Quiet:
    """The silence of a member in a run: everything that this plan's gates, holds and bakes read stays heard."""
    gates: list[GateSpec] = [*header.holds, *(gate for stage in header.stages for gate in stage.gates)]
    values = {name: member.attributes.get(name, "") for name in PLACES}
    values |= {"cluster": member.name, "arn": member.cluster.arn}
    read = [(each.kind, each.params) for each in gates] + [(each.kind, each.params) for each in member.steps]
    return Quiet(values, matchers, heard(read), f"{header.playbook_title} of {member.name}, run {run}")
