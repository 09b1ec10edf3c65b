"""One subject's reads on their way to the store: each ends as a value or as a Gap, never as an exception."""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import structlog

from fleetkeeper.core.model import ClusterId, Gap, Scope
from fleetkeeper.engine.ports import Clock, Listed, Observation, Store
from fleetkeeper.errors import FleetkeeperError, GapReason, ReadError

T = TypeVar("T")

_log = structlog.get_logger("observe")

_LONGEST = 300  # of the text of an error of our own, which may quote what a cluster said


class Reading:
    """The observations of one cluster or scope during one tick."""

    def __init__(self, clock: Clock, cancel: threading.Event, **subject: str) -> None:
        self._clock = clock
        self._cancel = cancel
        self._subject = subject
        self._seen: dict[str, Observation] = {}
        self.proxy_mode: str | None = None  # belongs to the addons, which are found last; None: not seen

    def read(self, part: str, look: Callable[[], T]) -> T | None:
        """Look at one part and keep it; None when that failed, with the reason kept as the part's gap."""
        value = self.attempt((part,), look)
        if value is not None:
            self.keep(part, value)
        return value

    def attempt(self, names: Sequence[str], look: Callable[[], T]) -> T | None:
        """Do something that these parts hang on; None when that failed, with the reason kept as their gap."""
        try:
            return look()
        except ReadError as error:
            gap = Gap(error.reason, error.detail, self._clock.now())
            if not self._cancel.is_set():
                _log.info("not_seen", parts=names, reason=gap.reason.value, detail=gap.detail, **self._subject)
        except Exception as error:  # a bug of ours in one part must not cost the fleet its table
            _log.exception("part_failed", parts=names, **self._subject)
            gap = self._own_fault(error)
        self.miss_all(names, gap)
        return None

    def keep(self, part: str, value: object, at: datetime | None = None) -> None:
        """at: as of when it is true; None is now."""
        self._seen[part] = Observation(part, value, None, at or self._clock.now())

    def miss_all(self, names: Iterable[str], gap: Gap) -> None:
        """Parts that were not read; those that already ended one way or the other stay as they are."""
        for name in names:
            if name not in self._seen:
                self._seen[name] = Observation(name, None, gap, gap.since)

    def _own_fault(self, error: Exception) -> Gap:
        text = f"a fault of fleetkeeper's own: {type(error).__name__}: {error}"
        return Gap(GapReason.INVALID_ANSWER, text[:_LONGEST], self._clock.now())

    def value(self, part: str) -> object | None:
        seen = self._seen.get(part)
        return seen.value if seen else None

    def gap(self, part: str) -> Gap | None:
        seen = self._seen.get(part)
        return seen.gap if seen else None

    def ended(self, part: str) -> bool:
        """False for one that was not read, whether it rests or there was no time."""
        return part in self._seen

    @property
    def complete(self) -> bool:
        """Everything that was asked for was seen."""
        return all(o.gap is None or o.gap.reason is GapReason.NOT_CONFIGURED for o in self._seen.values())

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What to store. After a cancel only the values: a read that we cut off ourselves is no gap."""
        return tuple(o for o in self._seen.values() if o.gap is None or not self._cancel.is_set())

    def save(self, store: Store, subject: ClusterId | Scope, listed: Sequence[Listed] = ()) -> None:
        """Store everything at once. A value that cannot be stored is a Gap of its part and costs no other part."""
        try:
            store.save_many(listed, [(subject, self.observations)])
        except FleetkeeperError:
            raise
        except Exception:
            _log.exception("not_saved_at_once", **self._subject)
            store.save_many(listed, [])
            for observation in self.observations:
                self._save_one(store, subject, observation)

    def _save_one(self, store: Store, subject: ClusterId | Scope, observation: Observation) -> None:
        try:
            store.save(subject, [observation])
        except FleetkeeperError:
            raise
        except Exception as error:
            _log.exception("part_not_saved", part=observation.part, **self._subject)
            gap = self._own_fault(error)
            self._seen[observation.part] = Observation(observation.part, None, gap, gap.since)
            store.save(subject, [self._seen[observation.part]])
