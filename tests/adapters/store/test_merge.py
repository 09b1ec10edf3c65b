"""What an observation does to what is stored of its part."""

from datetime import datetime

import pytest

from fleetkeeper.adapters.store.merge import Difference, Prepared, Stored, differ, merge
from fleetkeeper.core import parts
from fleetkeeper.core.model import Gap, Pods
from fleetkeeper.engine.ports import Observation
from fleetkeeper.errors import GapReason
from tests.contract.observed import later

PODS = Pods(3, ())


def good(at: datetime) -> Prepared:
    return Prepared.of(Observation(parts.PODS, PODS, None, at))


def bad(at: datetime, reason: GapReason = GapReason.TIMEOUT, detail: str = "slow") -> Prepared:
    return Prepared.of(Observation(parts.PODS, None, Gap(reason, detail, at), at))


DIGEST = good(later(0)).digest
SLOW = Gap(GapReason.TIMEOUT, "slow", later(10))
SEEN = Stored(DIGEST, later(0), None)
MISSED = Stored(DIGEST, later(0), SLOW)


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        pytest.param(None, good(later(1)), Stored(DIGEST, later(1), None), id="the first good read"),
        pytest.param(None, bad(later(10)), Stored(None, None, SLOW), id="the first read fails"),
        pytest.param(SEEN, good(later(5)), Stored(DIGEST, later(5), None), id="the same again"),
        pytest.param(SEEN, bad(later(10)), MISSED, id="a failure keeps the value and its time"),
        pytest.param(MISSED, bad(later(20)), MISSED, id="the same failure again is nothing new"),
        pytest.param(
            MISSED,
            bad(later(20), detail="slower"),
            Stored(DIGEST, later(0), Gap(GapReason.TIMEOUT, "slower", later(10))),
            id="the same reason in other words keeps its first time",
        ),
        pytest.param(
            MISSED,
            bad(later(20), GapReason.FORBIDDEN),
            Stored(DIGEST, later(0), Gap(GapReason.FORBIDDEN, "slow", later(20))),
            id="another reason begins anew",
        ),
        pytest.param(MISSED, good(later(20)), Stored(DIGEST, later(20), None), id="a good read clears the gap"),
        pytest.param(MISSED, good(later(5)), Stored(DIGEST, later(5), SLOW), id="a good read from before the failure"),
        pytest.param(SEEN, good(later(-5)), SEEN, id="a read that comes late"),
        pytest.param(SEEN, bad(later(-5)), SEEN, id="a failure that comes late"),
        pytest.param(SEEN, good(later(0)), SEEN, id="the very same read twice"),
    ],
)
def test_merge(before: Stored | None, new: Prepared, after: Stored) -> None:
    assert merge(before, new) == after


def test_neither_a_value_nor_a_gap_is_refused() -> None:
    with pytest.raises(TypeError, match="not NoneType"):
        Prepared.of(Observation(parts.PODS, None, None, later(0)))


def test_differ_closes_opens_and_rewrites() -> None:
    still = {
        "same": (1, '{"v": 1}'),
        "moved": (2, '{"v": 1}'),
        "left": (3, '{"v": 1}'),
        "learned": (4, '{"v": 1}'),
    }
    now = {"same": '{"v": 1}', "moved": '{"v": 2}', "learned": '{"v": 1, "w": 2}', "came": '{"v": 9}'}
    assert differ(parts.NODES, still, now) == Difference(
        (2, 3), {"moved": '{"v": 2}', "came": '{"v": 9}'}, {4: '{"v": 1, "w": 2}'}
    )
