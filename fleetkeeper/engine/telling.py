"""What the command line and the daemon ask of notices: tell, preview, look back, and say why."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.campaign import Report, report
from fleetkeeper.core.notices.keys import cluster_key
from fleetkeeper.core.notices.turn import decide
from fleetkeeper.core.notices.values import Item, Notice, Situation, Turn
from fleetkeeper.core.notices.why import Why, whys
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.notice_ports import Notices, Record
from fleetkeeper.engine.notify import Notified, Notifier
from fleetkeeper.engine.observe import attributes_of
from fleetkeeper.engine.ports import Store

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Preview:
    """A turn as it would be now. messages: of all its notices, whether they go out now, later or nowhere."""

    turn: Turn
    situation: Situation
    messages: tuple[tuple[Notice, Message], ...]


@dataclass(frozen=True, slots=True)
class Telling:
    notifier: Notifier
    store: Store

    @property
    def notices(self) -> Notices:
        return self.notifier.notices

    @property
    def _now(self) -> datetime:
        return self.notifier.clock.now()

    def notify(self) -> Notified:
        """Look who has to be told now, and store it for delivery."""
        return self.notifier.notify()

    def preview(self) -> Preview:
        """What would be told now, later, and to teams that are not live; stores nothing."""
        situation = self.notifier.situation(self._now)
        turn = decide(situation)
        return Preview(turn, situation, tuple(self.notifier.messages(situation, turn)))

    def records(self, since: datetime | None, owner: str, limit: int) -> tuple[Record, ...]:
        """What was stored for delivery, newest first."""
        return self.notices.records(since, owner, limit=limit)

    def record(self, id: str) -> Record | None:
        return self.notices.record(id)

    def campaign(self, target: str = "") -> Report:
        """How each team comes along; target: the minor of one campaign, "" for all."""
        situation = self._whole()
        if target:
            kept = tuple(each for each in situation.items if each.campaign == target)
            situation = replace(situation, items=kept)
        return report(situation)

    def why(self, cluster: str, keys: Collection[str]) -> tuple[Why, ...]:
        """Of the items of a cluster (its name, or "" for any) whose object or fingerprint is among the keys.

        A key is `namespace/kind/name` as people write it (- for no namespace, in small letters), or the beginning of a
        fingerprint.
        """
        situation = self._whole()
        wanted = {each.lower() for each in keys}
        found = [each for each in situation.items if cluster in ("", each.cluster) and _is_meant(each, wanted)]
        return whys(found, situation, decide(situation)) if found else ()

    def of_notice(self, notice: Notice) -> tuple[Why, ...]:
        """Of the items of a stored notice."""
        situation = self._whole()
        keys = {entry.item for entry in notice.entries}
        return whys((each for each in situation.items if each.key in keys), situation, decide(situation))

    def _whole(self) -> Situation:
        """With all that was ever told and is not forgotten: people look back further than a turn does."""
        return self.notifier.situations.at(self._now, _EVER)

    def clusters(self, selector: Selector) -> frozenset[str]:
        """The keys of the clusters that a selector wants, as items have them."""
        return frozenset(
            cluster_key(each.id) for each in self.store.clusters() if selector.accepts(attributes_of(each))
        )


def _is_meant(item: Item, wanted: Collection[str]) -> bool:
    subject = item.tracked.finding.subject
    path = f"{subject.namespace or '-'}/{subject.kind}/{subject.name}".lower().rstrip("/")
    return path in wanted or any(item.key.fingerprint.startswith(each) for each in wanted if "/" not in each)
