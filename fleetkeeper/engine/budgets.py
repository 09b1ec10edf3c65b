"""The API rate of an account and region, shared by all replicas: who finds it used up waits, and is told so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core.frozen import replace
from fleetkeeper.core.run import Cause, TaskState, Why
from fleetkeeper.engine.run_ports import Claim, Outcome, Runs

CALLS = 2
"""What one look at a member costs, about: a description, and an update's state or an act."""

_TOLD = 5.0  # seconds; a shorter wait is not worth a word


@dataclass(frozen=True, slots=True)
class Budgets:
    """rate: calls a second for each account and region, over all replicas; burst: what may be saved up.

    scale: seconds of the keeper's time in one of the wall's, in which the bucket fills.
    """

    runs: Runs
    rate: float
    burst: int
    scale: float = 1.0

    def admitted(self, claims: Sequence[Claim], now: datetime) -> tuple[list[Claim], list[Outcome]]:
        """Those that may look now, and the others as outcomes: due again when there are calls for them."""
        places: dict[tuple[str, str], list[Claim]] = {}
        for claim in claims:
            places.setdefault((claim.task.account, claim.task.region), []).append(claim)
        admitted: list[Claim] = []
        later: list[Outcome] = []
        for (account, region), some in places.items():
            if not account:  # of no cloud account: a gate, or a cluster that only a kubeconfig knows
                admitted += some
                continue
            number, wait = self._taken(account, region, len(some))
            admitted += some[:number]
            later += [self._postponed(claim, now, wait) for claim in some[number:]]
        return admitted, later

    def _taken(self, account: str, region: str, wanted: int) -> tuple[int, float]:
        """How many looks there are calls for, found by halves; and the seconds until there are more."""
        taken, wait = 0, 0.0
        portion = max(1, self.burst // CALLS)
        while taken < wanted and portion:
            number = min(portion, wanted - taken)
            wait = self.runs.take_budget(account, region, CALLS * number, self.rate, self.burst)
            if wait:
                portion = number // 2
            else:
                taken += number
        return taken, wait

    def _postponed(self, claim: Claim, now: datetime, seconds: float) -> Outcome:
        task, again = claim.task, now + timedelta(seconds=seconds * self.scale)
        if seconds >= _TOLD and task.state is TaskState.RUNNING:
            text = f"the {self.rate:g} API calls a second of {task.account}/{task.region} are used up"
            since = task.why.since if task.why and task.why.cause is Cause.BUDGET else now
            task = replace(task, state=TaskState.PENDING, why=Why(Cause.BUDGET, text, since, next_attempt=again))
        return Outcome(replace(task, due=again), claim.epoch)
