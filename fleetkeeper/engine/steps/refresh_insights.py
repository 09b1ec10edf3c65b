"""refresh-insights: has EKS compute the member's readiness insights anew, and waits until it has."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.insights import Insight, InsightStatus
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.wording import some
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import InsightsRefresh
from fleetkeeper.errors import GapReason, ReadError

CATEGORIES = ("UPGRADE_READINESS", "ROLLBACK_READINESS")

_POLL = timedelta(seconds=20)
_OTHERS = timedelta(minutes=1)
_NONE = "none"
"""What stands in memory for the refresh before ours where there was none."""


@dataclass(frozen=True, slots=True)
class SeenRefresh:
    """The last refresh that was asked for (None: none yet). insights: of the category, once a refresh is over.

    status: of the control plane, "" when the cluster is gone. is_eks: whether EKS knows the member.
    """

    name: str
    status: str = ""
    refresh: InsightsRefresh | None = None
    insights: tuple[Insight, ...] = ()
    is_eks: bool = True


@dataclass(frozen=True, slots=True)
class RefreshInsights:
    """category: of the insights that the next step rests on; EKS refreshes all of them at once."""

    kind: ClassVar[str] = "refresh-insights"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # one that runs is not begun again
    cancellable: ClassVar[bool] = True

    category: str = CATEGORIES[0]

    @classmethod
    def of(cls, params: Params) -> "RefreshInsights":
        given = Given(params)
        made = cls(given.choice("category", CATEGORIES, CATEGORIES[0]))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenRefresh:
        member = subject.member
        assert member is not None
        if member.scope is None:
            return SeenRefresh(member.name, is_eks=False)
        cloud = world.writers.cloud(member.scope)
        try:
            _, plane = cloud.control_plane(member.name)
            refresh = cloud.insights_refresh(member.name)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
            return SeenRefresh(member.name)
        insights: tuple[Insight, ...] = ()
        if moment.tried and refresh is not None and refresh.status == "COMPLETED":
            insights = tuple(each for each in cloud.insights(member.name) if each.category == self.category)
        return SeenRefresh(member.name, plane.status, refresh, insights)

    def decide(self, seen: SeenRefresh, moment: Moment) -> Verdict:
        if not seen.is_eks:
            return Failed("the cluster is known by a kubeconfig alone: EKS has no insights of it", final=True)
        if not seen.status:
            return Failed(f"{seen.name} is gone: EKS has no cluster of this name", final=True)
        refresh = seen.refresh
        if moment.tried and refresh is not None and _mark(refresh) != moment.memory.get("before"):
            return self._followed(seen, refresh)
        if refresh is not None and refresh.status == "IN_PROGRESS":
            return Wait(f"an earlier refresh of {seen.name}'s insights is under way", _OTHERS)
        if seen.status != "ACTIVE":
            return Wait(f"{seen.name} is {seen.status}: EKS refreshes insights of ACTIVE clusters", _OTHERS)
        return Act(f"refresh EKS's insights of {seen.name}", {"before": _mark(refresh)})

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:  # noqa: ARG002  # no token
        assert subject.scope is not None
        assert subject.member is not None
        world.writers.cloud(subject.scope).refresh_insights(subject.member.name)
        return memory

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # nothing is left
        return Undone()

    def _followed(self, seen: SeenRefresh, refresh: InsightsRefresh) -> Verdict:
        """One that began after ours was asked for, whoever asked: EKS runs one at a time."""
        if refresh.status == "IN_PROGRESS":
            return Wait(f"EKS refreshes the insights of {seen.name}", _POLL)
        if refresh.status == "COMPLETED":
            return Done(f"the insights of {seen.name} are fresh: {self._counted(seen.insights)}")
        why = f": {refresh.message}" if refresh.message else ""
        return Failed(f"EKS could not refresh the insights of {seen.name}{why}", "retry; EKS refreshes them daily too")

    def _counted(self, insights: tuple[Insight, ...]) -> str:
        word = self.category.lower().replace("_", " ")
        counts = Counter(each.status.value for each in insights)
        red = some(each.name for each in insights if each.status in (InsightStatus.ERROR, InsightStatus.UNKNOWN))
        numbers = ", ".join(f"{counts[each.value]} {each.value}" for each in InsightStatus if counts[each.value])
        return f"{word}: {numbers or 'none'}{f' ({red})' if red else ''}"


def _mark(refresh: InsightsRefresh | None) -> str:
    """What tells one refresh from the next: when it began."""
    return refresh.started_at.isoformat() if refresh is not None and refresh.started_at else _NONE
