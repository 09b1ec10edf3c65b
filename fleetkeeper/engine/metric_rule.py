"""What a metric must be: an expression of a Prometheus server, a comparison, and for how long it must have held."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import some
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.world import Sample, World

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_POINTS = 60
_FINEST = timedelta(seconds=15)
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class SeenMetric:
    """now: the samples of the expression. share: of each series, how much of the time it held, () where nothing asks.

    points: how many values of each series the share rests on.
    """

    now: tuple[Sample, ...]
    share: tuple[Sample, ...] = ()
    points: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """holds None: unknown, for nothing or no number was answered, or not for long enough. why is for people."""

    holds: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class MetricRule:
    """source is a name of [engine.prometheus]; label is what people call the metric, "" for its expression.

    Every series must hold. lasting: for that long before now as well, which the server itself is asked by a subquery:
    so nothing is forgotten by a restart, and a time without samples is no time in which it held.
    """

    source: str
    query: str
    op: str
    value: float
    lasting: timedelta | None = None
    label: str = ""

    @classmethod
    def read(cls, given: Given, lasting: str = "for") -> "MetricRule":
        """lasting: the name of the parameter that says how long, "" where there is none."""
        return cls(
            source=given.text("source"),
            query=given.text("query"),
            op=given.choice("op", tuple(OPERATORS)),
            value=given.number("value"),
            lasting=given.duration(lasting) if lasting and given.has(lasting) else None,
            label=given.text("label", ""),
        )

    @property
    def name(self) -> str:
        return self.label or safe(self.query, _LONGEST)

    @property
    def wanted(self) -> str:
        lasting = f" for {duration_text(self.lasting)}" if self.lasting else ""
        return f"{self.op} {self.value:g}{lasting}"

    def look(self, world: World) -> SeenMetric:
        ask = world.metrics.query
        now = ask(self.source, self.query)
        if self.lasting is None or not now:
            return SeenMetric(now)
        span = f"[{_seconds(self.lasting)}:{_seconds(self._step)}]"
        held = f"avg_over_time((({self.query}) {self.op} bool {self.value!r}){span})"
        return SeenMetric(now, ask(self.source, held), ask(self.source, f"count_over_time(({self.query}){span})"))

    def judge(self, seen: SeenMetric) -> Judgement:
        """Unknown is told before what holds, and what does not hold before both."""
        wrong = [each for each in seen.now if not math.isnan(each.value) and not self._holds(each.value)]
        if wrong:
            shown = some(_shown(each) for each in sorted(wrong, key=lambda each: sorted(each.labels.items())))
            return Judgement(False, f"{self.name} is {shown}, not {self.wanted}")
        if not seen.now:
            return Judgement(None, f"{self.name}: {self.source} has no value of it, so nobody knows whether it holds")
        if any(math.isnan(each.value) for each in seen.now):
            return Judgement(None, f"{self.name} is no number (NaN: nothing was measured), so it is unknown")
        return self._lasts(seen) if self.lasting else Judgement(True, self._well(seen))

    def _lasts(self, seen: SeenMetric) -> Judgement:
        assert self.lasting is not None
        if any(each.value < 1 for each in seen.share):
            least = min(each.value for each in seen.share)
            told = f"it held {math.floor(least * 100)}% of the last {duration_text(self.lasting)}"
            return Judgement(False, f"{self.name} is not {self.wanted} yet: {told}")
        # A subquery's steps are multiples of the step since 1970: one less than span / step may fall into the span.
        full = self.lasting // self._step - 1
        if min(len(seen.share), len(seen.points)) < len(seen.now) or any(each.value < full for each in seen.points):
            return Judgement(None, f"{self.name} was not measured during all of the last {duration_text(self.lasting)}")
        return Judgement(True, self._well(seen))

    @property
    def _step(self) -> timedelta:
        """How far the values lie apart that the server looks at."""
        assert self.lasting is not None
        return min(self.lasting, max(_FINEST, timedelta(seconds=self.lasting // timedelta(seconds=_POINTS))))

    def _holds(self, value: float) -> bool:
        return OPERATORS[self.op](value, self.value)

    def _well(self, seen: SeenMetric) -> str:
        return f"{self.name} is {some(map(_shown, _extreme(seen.now, self.op)), 1)}, {self.wanted}"


def _extreme(samples: Sequence[Sample], op: str) -> list[Sample]:
    """Those nearest to the limit first."""
    return sorted(samples, key=lambda each: each.value, reverse=op in ("<", "<="))


def _shown(sample: Sample) -> str:
    labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()) if name != "__name__")
    return f"{sample.value:g}{f' ({safe(labels, _LONGEST)})' if labels else ''}"


def _seconds(length: timedelta) -> str:
    return f"{max(1, round(length.total_seconds()))}s"
