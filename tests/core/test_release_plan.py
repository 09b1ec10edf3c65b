"""Which releases move with a hop, to which of the listed versions and when, and which are repaired."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.addon_versions import Range, Rule, Strength, VersionRow
from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Critical, Detect, Source
from fleetkeeper.core.release_plan import ChartSource, ReleasePlan, plan_releases
from fleetkeeper.core.snapshot import Hop
from fleetkeeper.core.versions import Minor, Version
from tests.core.checks.snapshots import HOP, snapshot

SOURCE = Source("docs", date(2026, 11, 1), Confidence.HIGH)
RELEASE = model.HelmRelease("web", "guard", 3, "deployed", "acme", "1.0.0", "v1.0.0", "key")
LISTED = ChartSource("acme-charts", "acme", {"3.0.0": "3.0", "2.1.0": "2.1", "2.0.0": "2.0", "1.0.0": "1.0"})


def said(versions: str, oldest: str, newest: str, strength: Strength = Strength.REQUIRED) -> VersionRow:
    return VersionRow(Range.parse(versions), strength, SOURCE, Minor.parse(oldest), Minor.parse(newest))


ONE = said(">=1.0,<2.0", "1.28", "1.34")
BOTH = said(">=2.0,<3.0", "1.33", "1.35")
NEXT = said(">=3.0,<4.0", "1.35", "1.36")


def acme(
    *rows: VersionRow, rules: tuple[Rule, ...] = (), critical: Critical | None = None, own_number: bool = False
) -> Compat:
    detect = Detect(helm_charts_own_version=("acme",)) if own_number else Detect(helm_charts=("acme",))
    found = AddonRow("acme", "Acme", detect, SOURCE, critical, rows, Version.parse("9.0"), rules=rules)
    return Compat(addons=(found,), apis=Apis(ROWS))


def api(group: str, version: str, kind: str, removed: str, successor: tuple[str, str, str] | None) -> ApiRow:
    available = Minor(1, 30) if successor else None
    made = ApiRow(group, version, kind, f"{kind.lower()}s", SOURCE, removed=Minor.parse(removed))
    return replace(made, replacement=successor, available=available)


ROWS = (
    api("policy", "v1beta1", "PodDisruptionBudget", "1.35", ("policy", "v1", "PodDisruptionBudget")),
    api("policy", "v1beta1", "PodSecurityPolicy", "1.35", None),
    api("batch", "v2alpha1", "CronJob", "1.36", ("batch", "v1", "CronJob")),
    api("extensions", "v1beta1", "Scale", "1.35", ("autoscaling", "v1", "Other")),
)


def holding(api_version: str, kind: str, latest: bool = True) -> observed.ReleaseTrace:
    return observed.ReleaseTrace("web", "guard", 3, latest, api_version, kind, "web", "front")


def planned(
    compat: Compat,
    *traces: observed.ReleaseTrace,
    release: model.HelmRelease = RELEASE,
    sources: tuple[ChartSource, ...] = (LISTED,),
    hop: Hop = HOP,
    moved: Mapping[tuple[str, str], str] | None = None,
) -> ReleasePlan:
    seen: dict[str, Any] = {parts.HELM_RELEASES: (release,), parts.HELM_USE: observed.HelmUse((), traces)}
    return plan_releases(snapshot(seen), hop, compat, sources, moved)


def test_the_lowest_listed_version_that_goes_with_both_minors_comes_before_the_control_plane() -> None:
    (update,) = planned(acme(ONE, BOTH, NEXT)).updates
    assert (update.version, update.before, update.source, update.chart) == ("2.0.0", True, "acme-charts", "acme")
    assert update.why == (
        "Acme v1.0.0 does not go with 1.35: versions >=1.0,<2.0 go with 1.28 to 1.34 (required); "
        "chart 2.0.0 goes with 1.34 and 1.35"
    )


def test_one_that_goes_with_the_target_alone_comes_right_after_it() -> None:
    (update,) = planned(acme(ONE, NEXT)).updates
    assert (update.version, update.before) == ("3.0.0", False)
    assert update.why.endswith("chart 3.0.0 goes with 1.35 and is not known to go with 1.34: right after")


def test_one_that_goes_with_the_target_stays() -> None:
    assert planned(acme(said("*", "1.28", "1.36"))) == ReleasePlan()


@pytest.mark.parametrize(
    ("compat", "blocks"),
    [
        pytest.param(acme(ONE), True, id="blocks by a requirement"),
        pytest.param(acme(replace(ONE, strength=Strength.SUPPORTED)), False, id="is told of a table of support"),
        pytest.param(
            acme(replace(ONE, strength=Strength.SUPPORTED), critical=Critical.CNI),
            True,
            id="blocks for what a cluster cannot do without",
        ),
    ],
)
def test_no_listed_version(compat: Compat, blocks: bool) -> None:
    (note,) = planned(compat).notes
    assert note.blocks is blocks
    assert note.text.endswith(
        "[[engine.charts]] acme-charts lists no version that goes with 1.35: test one, and add it to its versions"
    )


def test_what_nobody_knows_is_a_note() -> None:
    (note,) = planned(acme(NEXT)).notes
    assert str(note) == (
        "release web/guard: nobody says whether Acme v1.0.0 goes with 1.35: no row of compat covers version v1.0.0"
    )
    assert not note.blocks


def test_an_unlisted_chart_is_left_to_its_owner() -> None:
    (note,) = planned(acme(ONE, BOTH), sources=(ChartSource("other", "other"),)).notes
    assert note.text.endswith("chart acme is not in [[engine.charts]], so it is left to its owner")


def test_without_charts_nothing_is_planned_or_said() -> None:
    assert planned(acme(ONE), holding("policy/v1beta1", "PodDisruptionBudget"), sources=()) == ReleasePlan()


def test_rows_that_number_charts_judge_a_chart_whose_app_version_numbers_something_else() -> None:
    rows = (said("chart >=1.0,<2.0", "1.28", "1.34"), said("chart >=2.0,<3.0", "1.34", "1.35"))
    (update,) = planned(acme(*rows, own_number=True)).updates
    assert (update.version, update.before) == ("2.0.0", True)


def test_an_addon_of_the_clusters_own_minor_follows_right_after_each_control_plane() -> None:
    release = replace(RELEASE, app_version="1.34.2")
    listed = ChartSource("acme-charts", "acme", {"2.0.0": "1.35.0", "3.0.0": "1.36.0", "0.9.0": "1.35.9"})
    compat = acme(rules=(Rule.EQUAL_MINOR,))
    (update,) = planned(compat, release=release, sources=(listed,)).updates
    assert (update.version, update.before) == ("2.0.0", False)
    last = Hop(Minor(1, 35), Minor(1, 36), first=False)
    moved = {("web", "guard"): "2.0.0"}
    (update,) = planned(compat, release=release, sources=(listed,), hop=last, moved=moved).updates
    assert update.version == "3.0.0"
    (note,) = planned(compat, release=release).notes
    assert "lists no version of 1.35" in note.text


def test_what_an_earlier_hop_brings_counts_in_the_next() -> None:
    last = Hop(Minor(1, 34), Minor(1, 35), first=False)
    assert planned(acme(ONE, BOTH), hop=last, moved={("web", "guard"): "2.1.0"}).updates == ()


def test_a_release_that_holds_what_the_hop_removes_is_repaired_before_it() -> None:
    plan = planned(acme(said("*", "1.28", "1.36")), holding("policy/v1beta1", "PodDisruptionBudget"))
    (repair,) = plan.repairs
    assert repair.why == (
        "its stored manifest holds policy/v1beta1 PodDisruptionBudget front, which 1.35 does not serve, so `helm "
        "upgrade` fails afterwards: PodDisruptionBudget becomes policy/v1 in it, before the control plane moves"
    )
    assert (plan.updates, plan.notes) == ((), ())


@pytest.mark.parametrize(
    ("trace", "sources", "text"),
    [
        pytest.param(holding("policy/v1beta1", "PodSecurityPolicy"), (LISTED,), "has no successor", id="no successor"),
        pytest.param(holding("extensions/v1beta1", "Scale"), (LISTED,), "became another kind", id="another kind"),
        pytest.param(
            holding("policy/v1beta1", "PodDisruptionBudget"),
            (ChartSource("x", "x"),),
            "left to its owner",
            id="an unlisted chart",
        ),
    ],
)
def test_what_cannot_be_repaired_is_a_note(
    trace: observed.ReleaseTrace, sources: tuple[ChartSource, ...], text: str
) -> None:
    plan = planned(acme(said("*", "1.28", "1.36")), trace, sources=sources)
    assert plan.repairs == ()
    assert text in plan.notes[0].text


@pytest.mark.parametrize(
    "trace",
    [
        pytest.param(holding("policy/v1beta1", "PodDisruptionBudget", latest=False), id="only an older revision"),
        pytest.param(holding("batch/v2alpha1", "CronJob"), id="a later minor's"),
        pytest.param(holding("acme.io/v1alpha1", "Guard"), id="a custom kind's"),
    ],
)
def test_what_needs_no_repair(trace: observed.ReleaseTrace) -> None:
    assert planned(acme(said("*", "1.28", "1.36")), trace) == ReleasePlan()


def test_releases_that_were_not_read_are_told() -> None:
    (note,) = plan_releases(snapshot(unseen=(parts.HELM_RELEASES,)), HOP, acme(ONE), (LISTED,)).notes
    assert note.text.startswith("not read: ")
