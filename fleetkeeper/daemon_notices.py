"""Beside the schedule of `serve`: what goes out to people, and what they ask for in between, each in a thread."""

import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog

from fleetkeeper.core.notices.keys import cluster_key
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.deliver import Deliverer
from fleetkeeper.engine.notice_ports import Notices, Recheck
from fleetkeeper.engine.observe import Progress
from fleetkeeper.engine.rechecking import Rechecking
from fleetkeeper.engine.wave_telling import WaveTelling
from fleetkeeper.errors import StoreUnavailable
from fleetkeeper.keeper import Keeper
from fleetkeeper.metrics import Metrics

_log = structlog.get_logger("notices")

POLL = 5.0
"""Seconds between two looks for answers and for clusters to look at anew."""

PAUSE = 30.0
"""Seconds at least between two turns that answers bring about: who clicks much must not keep a core busy."""

LEASE = timedelta(minutes=10)
"""For so long a recheck is one replica's; looking at a few clusters takes a minute or two."""


class Worker:
    """Does something in a thread until cancel is set; one that ends by a fault stays down, and /healthz says so."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name, self._work = name, work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def ended(self, patience: float) -> bool:
        """Wait so many seconds for its end, once cancel is set."""
        if self._thread.ident is not None:
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # told by /healthz; whoever watches it starts the process anew
            _log.exception("notices_died", worker=self._name, reason=f"{type(error).__name__}: {error}")


class Attended(Protocol):
    """What of wiring_notices.Outside somebody has to see to."""

    @property
    def notices(self) -> Notices: ...

    @property
    def waves(self) -> WaveTelling: ...

    @property
    def freshen(self) -> Callable[[], None]:
        """Makes anew what clicks rest on, where that is older than what people were told."""
        ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look at the clusters of one name came to. left: by the key of each the fingerprints that still count, None
    where they could not be looked at; is_partly: something of them could not be read."""

    left: Mapping[str, Collection[str]] | None
    is_partly: bool = False


class Attendant:
    """Takes up what people clicked: extensions bind within seconds, an answer brings about a turn, and what somebody
    wants looked at anew is observed and judged. The on-call channel follows runs meanwhile, and what the next click
    rests on is made before it comes."""

    def __init__(self, keeper: Keeper, attended: Attended, metrics: Metrics, wake: Callable[[], None]) -> None:
        self._keeper, self._notices, self._metrics, self._wake = keeper, attended.notices, metrics, wake
        self._waves, self._freshen = attended.waves, attended.freshen
        self._heard: int | None = None
        self._turned = float("-inf")

    def run(self, cancel: threading.Event) -> None:
        worker = f"{socket.gethostname()}:{os.getpid()}"
        while not cancel.wait(POLL):
            try:
                self.turn(worker)
            except StoreUnavailable as error:
                _log.warning("notices_wait", reason=str(error))
            except Exception:  # one bad click must not end the ears
                _log.exception("attending_failed")

    def turn(self, worker: str) -> bool:
        """Whether anybody was told of something."""
        self._apart(self._freshen)  # looking at clusters comes last: it takes minutes
        self._apart(self._follow_waves)
        answers = len(self._notices.answers())
        is_news = self._heard is not None and answers != self._heard
        if self._heard is None:  # of a process that begins: its schedule tells what came before
            self._heard = answers
        if is_news:
            self._apart(self._bind)
        rechecks = self._notices.take_rechecks(worker, LEASE)
        seen: dict[str, _Seen] = {}
        for each in rechecks:
            self._apart(partial(self._look_at, each, seen))
        waited = time.monotonic() - self._turned >= PAUSE
        self._count()
        if not rechecks and not (is_news and waited):
            return False
        self._heard, self._turned = answers, time.monotonic()
        tell(self._keeper, self._metrics, self._wake)
        self._freshen()
        return True

    def _apart(self, part: Callable[[], None]) -> None:
        """A fault in one part of a turn takes nothing else of it along: what was taken up is leased for minutes."""
        try:
            part()
        except StoreUnavailable:
            raise
        except Exception:
            _log.exception("attending_failed")

    def _follow_waves(self) -> None:
        if self._waves.turn():
            self._wake()

    def _bind(self) -> None:
        if self._keeper.telling is not None:
            self._keeper.telling.notifier.binder.settle()

    def _look_at(self, recheck: Recheck, seen: dict[str, _Seen]) -> None:
        """seen: what was looked at in this turn already, for others who asked."""
        for name in recheck.clusters:
            if name not in seen:
                seen[name] = self._seen(name)
        own = {name: seen[name] for name in recheck.clusters}
        looked = {key: left for each in own.values() for key, left in (each.left or {}).items()}
        unseen = [name for name, each in own.items() if each.left is None]
        partly = [name for name, each in own.items() if each.is_partly]
        result = Rechecking(self._notices, self._keeper.ports.clock).tell(recheck, looked, unseen, partly)
        _log.info("rechecked", clusters=list(recheck.clusters), person=recheck.person, result=result)

    def _seen(self, name: str) -> _Seen:
        """A fault is a look that came to nothing: whoever asked is told, and it is not tried for ever."""
        try:
            return self._look(name)
        except StoreUnavailable:
            raise
        except Exception:
            _log.exception("recheck_failed", cluster=name)
            return _Seen(None)

    def _look(self, name: str) -> _Seen:
        keeper, selector = self._keeper, Selector.parse(f"name={name}")
        outcome = keeper.observe(selector, Progress())
        if not outcome.clusters or outcome.stopped:
            return _Seen(None)
        left: dict[str, set[str]] = {cluster_key(report.cluster.id): set() for report in keeper.assess(selector)}
        for subject, entry in keeper.findings(selector):
            left.setdefault(cluster_key(subject.id), set()).add(entry.finding.fingerprint)
        return _Seen(left, bool(outcome.incomplete))

    def _count(self) -> None:
        self._metrics.outbox(self._notices.outbox_counts())


def delivery(deliverer: Deliverer, cancel: threading.Event) -> Worker:
    return Worker("delivery", lambda: deliverer.run(cancel))


def attendance(attendant: Attendant, cancel: threading.Event) -> Worker:
    return Worker("attendant", lambda: attendant.run(cancel))


def tell(keeper: Keeper, metrics: Metrics, wake: Callable[[], None]) -> None:
    """One turn of the schedule."""
    told = keeper.notify()
    metrics.notified(told.turn, keeper.ports.clock.now())
    if told.stored or told.edits:
        wake()
