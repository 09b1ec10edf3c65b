"""What opens at a click: the modals of an ask and the app's home, of the situation as it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.messages import home, modals
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.message import Do, View
from fleetkeeper.core.notices.standing import by_item, standing
from fleetkeeper.core.notices.values import Ask, Situation
from fleetkeeper.core.run import Run

_MODALS: Mapping[str, Callable[[Ask, Context], View]] = {
    Do.ACK: modals.ack,
    Do.EXTEND: modals.extend,
    Do.NOT_MINE: modals.not_mine,
    Do.DIFF: modals.fix_diff,
}


@dataclass(frozen=True, slots=True)
class MessageScreens:
    """engine.click_ports.Screens by core/messages. approvers: by the names of approvals.people. apis: those of compat,
    by which a fix shows what a manifest says instead."""

    approvers: tuple[str, ...]
    apis: Apis
    observed_every: timedelta = timedelta(minutes=15)

    def modal(self, action: str, ask: Ask, situation: Situation) -> View:
        return _MODALS[action](ask, self._context((ask,), situation))

    def home(self, person: str, asks: Sequence[Ask], situation: Situation, waiting: Sequence[Run] = ()) -> View:
        return home.home(person, asks, self._context(asks, situation), waiting)

    def _context(self, asks: Sequence[Ask], situation: Situation) -> Context:
        """Of these asks alone: a click must not wait for what is about the whole fleet."""
        items = {item.key: item for ask in asks for item in ask.items}
        said, now, policy = by_item(situation.answers), situation.now, situation.policy
        return Context(
            now=now,
            items=items,
            standings={
                key: standing(item, situation.told.get(key), said.get(key, ()), now, policy)
                for key, item in items.items()
            },
            told={key: situation.told[key] for key in items if key in situation.told},
            answers={each.id: each for each in situation.answers},
            teams=situation.teams,
            contacts=situation.contacts,
            approvers=self.approvers,
            observed_every=self.observed_every,
            policy=policy,
            apis=self.apis,
        )
