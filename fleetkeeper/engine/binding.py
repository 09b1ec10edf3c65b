"""Lets granted extensions bind: findings that they waive count no more, and clusters that they hold are frozen."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from fleetkeeper.core.finding import Finding
from fleetkeeper.core.notices.binding import Extension, Held, extensions, freezes_of, over, waivers_of
from fleetkeeper.core.notices.keys import cluster_of
from fleetkeeper.core.notices.signing import is_signed
from fleetkeeper.core.notices.values import Answer, ItemKey, Mode
from fleetkeeper.core.waivers import Decisions, Judged, Waiver
from fleetkeeper.engine.notice_ports import Notices
from fleetkeeper.engine.ports import Clock, Store
from fleetkeeper.engine.run_ports import Runs

_log = structlog.get_logger("notices")

SERVES = 1.0
"""Seconds of wall time for which answers are believed: a fleet is judged cluster by cluster."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What people answered. key: the executor's own, by which an answer is believed; asked for each time, for the first
    engine on a database makes it.

    None, as where a command line has no key: what is stored is shown as it stands, for nothing is changed by it; the
    executor verifies before it acts. zone: in which the days of answers are.
    """

    notices: Notices
    key: Callable[[], bytes | None]
    zone: ZoneInfo

    def answers(self) -> tuple[Answer, ...]:
        """Those that count, oldest first."""
        key = self.key()
        return tuple(each for each in self.notices.answers() if key is None or is_signed(each, key))

    def extensions(self, mode: Mode) -> tuple[Extension, ...]:
        """Those that were granted, also such as are over."""
        return tuple(each for each in extensions(self.answers(), self.zone) if each.mode is mode)


@dataclass(slots=True)
class Extended:
    """core.waivers.Deciding: the operator's decisions, and the waivers of extensions that let a wave proceed.

    serves: seconds of wall time; below 0 answers are read each time, as where days pass in a moment of the wall's.
    """

    own: Decisions
    heard: Heard
    serves: float = SERVES
    _extensions: tuple[Extension, ...] = ()
    _at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def judge(self, findings: Iterable[Finding], cluster: Mapping[str, str], now: datetime) -> tuple[Judged, ...]:
        found = tuple(findings)
        granted = waivers_of(self._standing(), now)
        if not granted:
            return self.own.judge(found, cluster, now)
        more: list[Waiver] = []
        for fingerprint in dict.fromkeys(each.fingerprint for each in found):
            more += granted.get(fingerprint, ())
        return Decisions((*self.own.waivers, *more), self.own.severities).judge(found, cluster, now)

    def _standing(self) -> tuple[Extension, ...]:
        with self._lock:
            if time.monotonic() - self._at > self.serves:
                at = time.monotonic()
                self._extensions, self._at = self.heard.extensions(Mode.PROCEED), at
            return self._extensions


@dataclass(frozen=True, slots=True)
class Binder:
    """Keeps the freezes of extensions as they should be; may be asked by any replica, at any time."""

    heard: Heard
    store: Store
    runs: Runs
    clock: Clock

    def settle(self) -> None:
        """Freeze what is held now, and lift what is mended, over or withdrawn.

        A freeze that somebody lifted by hand stays lifted: its id is used only once.
        """
        now = self.clock.now()
        granted = tuple(each for each in self.heard.extensions(Mode.HOLD) if each.lasts(now))
        wanted = {each.id: each for each in freezes_of(granted, self._open(granted), now)}
        standing = self.runs.freezes()
        known = {each.id for each in standing}
        for id, freeze in wanted.items():
            if id not in known and self.runs.add_freeze(freeze):
                _log.info("extension_holds", freeze=id, until=freeze.until and freeze.until.isoformat())
        for id in over(standing, wanted):
            self.runs.lift_freeze(id, "fleetkeeper", now)
            _log.info("extension_over", freeze=id)

    def _open(self, granted: Iterable[Extension]) -> Mapping[ItemKey, Held]:
        """The items of these extensions that still count."""
        wanted = {item for each in granted for item in each.asked.items}
        if not wanted:
            return {}
        told = self.heard.notices.told()
        found: dict[ItemKey, Held] = {}
        for cluster in {each.cluster for each in wanted}:
            tracking = self.store.tracking(cluster_of(cluster))
            for fingerprint, tracked in tracking.findings.items() if tracking else ():
                key = ItemKey(cluster, fingerprint)
                if key in wanted and tracked.counts:
                    what = f"{tracked.finding.code} {tracked.finding.subject}"
                    found[key] = Held(what, told[key].owner if key in told else "")
        return found
