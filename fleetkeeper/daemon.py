"""`fleetkeeper serve`: works on a schedule. Triggers live in memory; the store decides which replica wins a slot.

Beside the schedule, in a thread of its own, runs the engine.
"""

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.triggers.cron import CronTrigger

from fleetkeeper.config import Settings
from fleetkeeper.core import parts
from fleetkeeper.core.fleet import rollback_ends
from fleetkeeper.core.readiness import Tally
from fleetkeeper.core.selector import Selector
from fleetkeeper.daemon_notices import tell
from fleetkeeper.engine.execute import Executor
from fleetkeeper.engine.observe import Outcome, Progress
from fleetkeeper.errors import FleetkeeperError, StoreUnavailable
from fleetkeeper.keeper import Keeper
from fleetkeeper.metrics import Metrics

_log = structlog.get_logger("serve")

OBSERVE, PRUNE, NOTIFY = "observe", "prune", "notify"
RETRY = timedelta(seconds=30)
"""How long to leave a database alone that did not answer."""

_DAILY = "23 4 * * *"
# How far back a slot is looked for that nobody took, near first: after an outage the newest one is made up for. The
# ledger remembers for longer, so that no slot is taken twice.
_LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
_INSTANT = timedelta(microseconds=1)

Wait = Callable[[datetime], None]
"""Waits for a time of the keeper's clock, or less when told to stop; may return early."""


def last_slot(trigger: CronTrigger, now: datetime) -> datetime | None:
    """The newest fire time that is not after now, in UTC; None when the trigger did not fire within the last week."""
    for back in _LOOK_BACK:
        slot, candidate = None, next_slot(trigger, now - back)
        while candidate is not None and candidate <= now:
            slot, candidate = candidate, next_slot(trigger, candidate + _INSTANT)
        if slot is not None:
            return slot
    return None


def next_slot(trigger: CronTrigger, since: datetime) -> datetime | None:
    """The first fire time at or after `since`, in UTC: times of one zone compare wrongly when clocks are set back."""
    found = trigger.get_next_fire_time(None, since)
    return found.astimezone(UTC) if found else None


@dataclass(frozen=True, slots=True)
class Job:
    """What is done at each slot of a trigger, by one replica."""

    name: str
    trigger: CronTrigger
    work: Callable[[datetime], None]


class Daemon:
    """Observes, assesses and notifies on the schedule, forgets old history daily; one thread, so that nothing piles up.

    A slot belongs to the replica that wins it. When that one dies on the way, the slot is not repeated: what it read is
    stored, and any replica takes the next one.
    """

    def __init__(
        self,
        keeper: Keeper,
        settings: Settings,
        metrics: Metrics,
        wait: Wait,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """wake: there is something new to deliver."""
        zone = settings.observe.timezone
        self._keeper = keeper
        self._metrics = metrics
        self._wait = wait
        self._history_days = settings.store.history_days
        self._jobs: tuple[Job, ...] = (
            Job(OBSERVE, CronTrigger.from_crontab(settings.observe.schedule, zone), self._observe),
            Job(PRUNE, CronTrigger.from_crontab(_DAILY, zone), self._prune),
        )
        if keeper.telling is not None:  # behind the observation: of one minute the fleet is judged first
            self._jobs += (Job(NOTIFY, CronTrigger.from_crontab(settings.notices.schedule, zone), self._notify),)
        self._wake = wake
        self._settled: dict[str, datetime] = {}  # job → its newest slot that needs nothing more from this replica
        self._won: dict[str, datetime] = {}  # job → the newest slot that this replica won
        self._thread = threading.Thread(target=self.run, name="schedule", daemon=True)
        self.name = f"{socket.gethostname()}:{os.getpid()}"

    def start(self) -> None:
        """Begin in a thread of its own; the newest slot that no replica took is made up for now."""
        following = next_slot(self._jobs[0].trigger, self._now())
        _log.info("serving", replica=self.name, next_observation=following.isoformat() if following else "never")
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """End what runs; False when it did not end within so many seconds. What was read until then is stored."""
        _log.info("stopping", replica=self.name, patience_seconds=patience)
        self._keeper.ports.cancel.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def run(self) -> None:
        """Work until the keeper's cancel is set."""
        cancel = self._keeper.ports.cancel
        while not cancel.is_set():
            again = self.tick()
            while self._now() < again and not cancel.is_set():
                self._wait(again)

    def tick(self) -> datetime:
        """Do what is due now; the time to look again."""
        return min(self._turn(job) for job in self._jobs)

    def _turn(self, job: Job) -> datetime:
        now = self._now()
        slot = last_slot(job.trigger, now)
        if slot is not None and slot != self._settled.get(job.name):
            try:
                self._take(job, slot)
            except StoreUnavailable as error:
                _log.warning("job_delayed", job=job.name, slot=slot.isoformat(), reason=str(error), again_in=str(RETRY))
                self._metrics.store_failures.inc()
                return self._now() + RETRY
            except Exception as error:  # one bad slot must not end the schedule
                self._failed(job, slot, error)
            self._settled[job.name] = slot
        return next_slot(job.trigger, now + _INSTANT) or now + _LOOK_BACK[0]

    def _take(self, job: Job, slot: datetime) -> None:
        """Do the slot's work if this replica wins it, or won it before the database went away in mid-work."""
        store = self._keeper.ports.store
        if self._keeper.ports.cancel.is_set():
            return
        store.check_schema()  # after an upgrade by a newer release the slot is that one's
        if self._won.get(job.name) == slot or store.win_slot(job.name, slot, self.name, self._now()):
            self._won[job.name] = slot
            job.work(slot)

    def _failed(self, job: Job, slot: datetime, error: Exception) -> None:
        self._metrics.job_failed(job.name)
        if isinstance(error, FleetkeeperError):
            _log.error("job_failed", job=job.name, slot=slot.isoformat(), reason=str(error))
        else:
            _log.exception("job_failed", job=job.name, slot=slot.isoformat())

    def _observe(self, slot: datetime) -> None:
        _log.info("observation_begun", slot=slot.isoformat())
        with self._metrics.observation_seconds.time():
            outcome = self._keeper.observe(Selector(), Progress())
        self._metrics.observed(outcome, self._now())
        _tell(outcome)
        if not outcome.stopped:
            self._assess()

    def _assess(self) -> None:
        """Judge what is stored now; a report is counted and dropped, for a whole fleet's need not fit into memory."""
        tally = Tally()
        for report in self._keeper.assess(Selector()):
            tally.add(report)
            if self._keeper.ports.cancel.is_set():
                return
        self._metrics.assessed(tally)
        self._metrics.rollbacks(rollback_ends(self._keeper.fleet(Selector(), (parts.UPDATES,))), self._now)
        by_severity = {severity: count for severity, count in tally.severities.items() if count}
        _log.info("assessment_done", **tally.verdicts, findings=by_severity)

    def _notify(self, slot: datetime) -> None:
        _log.info("notices_begun", slot=slot.isoformat())
        tell(self._keeper, self._metrics, self._wake)

    def _prune(self, slot: datetime) -> None:
        self._keeper.ports.store.prune(self._now(), self._history_days)
        _log.info("history_pruned", slot=slot.isoformat(), kept_days=self._history_days)

    def _now(self) -> datetime:
        return self._keeper.ports.clock.now()


class EngineThread:
    """Runs the executor until cancel is set; one that ends by a fault stays down, and /healthz says so."""

    def __init__(self, executor: Executor, metrics: Metrics, cancel: threading.Event) -> None:
        self._executor = executor
        self._metrics = metrics
        self._cancel = cancel
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def ended(self, patience: float) -> bool:
        """Wait so many seconds for its end, once cancel is set; False when calls under way take longer."""
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        _log.info("engine_runs")
        self._metrics.engine_up.set(1)
        try:
            self._executor.run(self._cancel)
        except Exception as error:  # told by /healthz and metrics; whoever watches them starts the process anew
            _log.exception("engine_died", reason=f"{type(error).__name__}: {error}")
        finally:
            self._metrics.engine_up.set(0)


def _tell(outcome: Outcome) -> None:
    _log.info(
        "observation_done",
        clusters=outcome.clusters,
        incomplete=outcome.incomplete,
        not_listed=sorted(outcome.not_listed),
        stopped=outcome.stopped,
    )
