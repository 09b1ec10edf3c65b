"""What is asked of EKS for compat, and of whom."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.compat_offer import ask
from fleetkeeper.errors import GapReason, ReadError
from tests.contract.observed import NOON, SCOPE
from tests.engine.fakes import OTHER, FakeCloud, FakeClouds, Reads, TurnedClock, fails

PAST, FUTURE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)


@dataclass
class Answering(FakeCloud):
    """A cloud that has three minors, one of them past all support."""

    def cluster_versions(self) -> tuple[model.SupportedVersion, ...]:
        self.reads.ask(parts.CLUSTER_VERSIONS, "")
        return (
            model.SupportedVersion(Minor(1, 35), FUTURE, FUTURE),
            model.SupportedVersion(Minor(1, 28), PAST, PAST),
            model.SupportedVersion(Minor(1, 33), PAST, FUTURE),
        )


def test_addons_are_asked_for_every_minor_that_is_still_supported() -> None:
    cloud = Answering()
    offer = ask(FakeClouds([cloud]), TurnedClock())
    assert (offer.scope, offer.day) == (str(SCOPE), NOON.date())
    assert offer.minors == (Minor(1, 33), Minor(1, 35))
    assert [name for part, name in cloud.reads.done if part == parts.ADDON_RELEASES] == ["1.33", "1.35"]
    assert len(offer.releases) == 2
    assert len(offer.versions) == 3


def test_the_next_scope_is_asked_where_one_does_not_answer() -> None:
    refused = Reads({(parts.CLUSTER_VERSIONS, "*"): fails(GapReason.FORBIDDEN)})
    offer = ask(FakeClouds([Answering(reads=refused), Answering(scope=OTHER)]), TurnedClock())
    assert offer.scope == str(OTHER)


def test_one_scope_that_answered_is_enough() -> None:
    second = Answering(scope=OTHER)
    ask(FakeClouds([Answering(), second]), TurnedClock())
    assert second.reads.done == []


@pytest.mark.parametrize(
    ("clouds", "reason"),
    [
        pytest.param(FakeClouds([]), GapReason.NOT_CONFIGURED, id="nothing is configured"),
        pytest.param(
            FakeClouds([], {"account": model.Gap(GapReason.UNAUTHENTICATED, "no credentials", NOON)}),
            GapReason.UNAUTHENTICATED,
            id="no account was found",
        ),
        pytest.param(
            FakeClouds([Answering(reads=Reads({(parts.ADDON_RELEASES, "*"): fails(GapReason.FORBIDDEN)}))]),
            GapReason.FORBIDDEN,
            id="no scope answers whole",
        ),
    ],
)
def test_it_says_why_it_has_no_answer_when(clouds: FakeClouds, reason: GapReason) -> None:
    with pytest.raises(ReadError) as failed:
        ask(clouds, TurnedClock())
    assert failed.value.reason is reason
