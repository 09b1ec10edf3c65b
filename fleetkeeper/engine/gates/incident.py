"""incident: holds a run while an incident is open, as a paging system, Prometheus' alerts or AWS say. Also a gate.

Only an answer that says that nothing is open lets work begin: an answer of another shape holds as an open incident
does, and so does one that does not come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.aws_trouble import SeenScope, quiet, waiting
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Done, Moment, Verdict, Wait
from fleetkeeper.core.wording import some
from fleetkeeper.engine.aws_trouble import NOTHING, Asking
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.told import told
from fleetkeeper.engine.world import Answer, Sample, World

_EVERY = timedelta(seconds=30)
_ALERTS = 'ALERTS{alertstate="firing",severity="critical"}'
_LONGEST = 160
_OWNER = "who leads the incident"


@dataclass(frozen=True, slots=True)
class SeenIncidents:
    """What the endpoint answered; or the alerts that fire, and whether the alerting is seen to be alive; and what AWS
    says of each account and region."""

    answer: Answer | None = None
    alerts: tuple[Sample, ...] = ()
    alive: bool = True
    aws: tuple[SeenScope, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentHold(OnlyLooks):
    """Either entry, an endpoint of the settings that is asked by GET, with clear: the field=value that says that none
    is open; id and title are fields that name one that is. Or source, a Prometheus server: alerts is a query, each
    series of it an incident, and alive one that must not be empty (a watchdog that always fires). aws: beside them, or
    alone, what AWS is asked of the accounts and regions in which there is work.
    """

    kind: ClassVar[str] = "incident"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"entry": Where.HOOKS, "source": Where.PROMETHEUS}

    entry: str = ""
    clear: tuple[str, str] = ("", "")
    id: str = "id"
    title: str = "title"
    source: str = ""
    alerts: str = _ALERTS
    alive: str = ""
    every: timedelta = _EVERY
    aws: Asking = NOTHING

    @classmethod
    def of(cls, params: Params) -> "IncidentHold":
        given = Given(params)
        made = cls(
            entry=given.text("entry", ""),
            clear=given.pair("clear"),
            id=given.text("id", "id"),
            title=given.text("title", "title"),
            source=given.text("source", ""),
            alerts=given.text("alerts", _ALERTS),
            alive=given.text("alive", ""),
            every=given.duration("every", _EVERY),
            aws=Asking(given.flag("aws_health", False), given.flag("zonal_shift", False)),
        )
        if made.entry and made.source:
            given.wrong("", "has both entry and source: write two holds")
        if not (made.entry or made.source or made.aws):
            ways = "entry (an endpoint of engine.hooks), source (one of engine.prometheus)"
            given.wrong("", f"needs {ways}, aws_health = true or zonal_shift = true")
        if made.entry and not made.clear[0]:
            given.wrong("clear", "is missing: which field=value of the answer says that no incident is open?")
        if not made.source and (given.has("alerts") or made.alive):
            given.wrong("alerts", "belongs to source, a Prometheus server")
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenIncidents:  # noqa: ARG002  # it is now as it is
        aws = self.aws.look(world, subject) if self.aws else ()
        if self.entry:
            return SeenIncidents(world.hooks.ask(self.entry, told(subject)), aws=aws)
        if not self.source:
            return SeenIncidents(aws=aws)
        alive = bool(world.metrics.query(self.source, self.alive)) if self.alive else True
        return SeenIncidents(alerts=world.metrics.query(self.source, self.alerts), alive=alive, aws=aws)

    def decide(self, seen: SeenIncidents, moment: Moment) -> Verdict:  # noqa: ARG002  # it is now as it is
        found = self._of_people(seen) if self.entry or self.source else Done()
        if not self.aws or not isinstance(found, Done):
            return found
        note = "; ".join(filter(None, (found.note, quiet(seen.aws))))
        return waiting(seen.aws, self.every) or Done(note)

    def _of_people(self, seen: SeenIncidents) -> Verdict:
        """What the paging system or the alerts say."""
        if seen.answer is not None:
            return self._answered(seen.answer)
        if seen.alerts:
            names = some(dict.fromkeys(_alert(each.labels) for each in seen.alerts))
            return Wait(f"an incident is open, {self.source} has firing alerts: {names}", self.every, _OWNER)
        if not seen.alive:
            text = f"{self.source} has no value of {safe(self.alive, _LONGEST)}: its alerting may not be alive"
            return Wait(f"{text}, so nobody knows whether an incident is open", self.every, f"who runs {self.source}")
        return Done(f"no incident is open, {self.source} has no firing alerts")

    def _answered(self, answer: Answer) -> Verdict:
        field, wanted = self.clear
        if not 200 <= answer.status < 300:
            text = f"{self.entry} answered {answer.status} ({safe(answer.text, _LONGEST)})"
            return Wait(f"{text}, so nobody knows whether an incident is open", self.every, f"who runs {self.entry}")
        value = answer.fields.get(field)
        if value == wanted:
            return Done(f"no incident is open, {self.entry} answered {field}={wanted}")
        if value is None:
            text = f"{self.entry} answered without {field}, so nobody knows whether an incident is open"
            return Wait(text, self.every, f"who runs {self.entry}")
        id, title = (safe(answer.fields.get(name, ""), _LONGEST) for name in (self.id, self.title))
        named = f"incident {id}" if id else "an incident"
        told_more = title or f"{self.entry} answered {field}={safe(value, _LONGEST)}"
        return Wait(f"{named} is open: {told_more}", self.every, _OWNER)


def _alert(labels: Mapping[str, str]) -> str:
    name = labels.get("alertname", "an alert without a name")
    where = labels.get("cluster") or labels.get("instance", "")
    return safe(f"{name} ({where})" if where else name, _LONGEST)
