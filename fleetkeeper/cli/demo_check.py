"""What the demo must show: each expectation that does not hold becomes one line."""

from collections import Counter
from collections.abc import Iterator

from fleetkeeper.cli.demo_notices import Campaign
from fleetkeeper.cli.demo_run import REQUESTER, Told
from fleetkeeper.core import model, parts
from fleetkeeper.core.addons import addon_rows
from fleetkeeper.core.fleet import Fleet, FleetRow, fleet_rows
from fleetkeeper.core.reports.rows import ReportRow
from fleetkeeper.core.run import Role, RunState, StepState, TaskState
from fleetkeeper.core.run_way_back import ways_back
from fleetkeeper.engine.observe import Outcome
from fleetkeeper.errors import GapReason

CLUSTERS = 13
MINORS = {"1.33", "1.34", "1.35", "1.36"}
COMPUTE = {*(k.value for k in model.ComputeKind if k is not model.ComputeKind.UNKNOWN)}
TRAITS = {"bottlerocket", "custom AMI", "windows"}
VERDICTS = {"payments": "blocked", "data": "blocked", "legacy-erp": "unknown", "factory": "ready"}
UPGRADED = ("preview", "factory", "eksctl-test-7")
POINTS = {"held by a gate", "paused", "stopped by a budget", "paused by a failure"}
CAMPAIGN = (
    *("told", "reminded", "quiet", "promise over", "escalated", "time asked for"),
    *("self-grant refused", "granted by another", "time given", "done"),
)
CODES = {"FK000", "FK102", "FK105", "FK201", "FK203", "FK303", "FK330", "FK331", "FK332", "FK401"}
"""Findings that the scenario is made for, one at least of each."""


def failures(
    fleet: Fleet, outcome: Outcome, changes: tuple[model.Change, ...], judged: tuple[ReportRow, ...]
) -> tuple[str, ...]:
    """Compare what was observed and judged with what the demo's scenario holds."""
    rows = fleet_rows(fleet)
    seen = (*_fleet(rows, outcome), *_gaps(rows), *_names(rows), *_addons(fleet), *_changes(changes))
    return (*seen, *_judged(judged))


def _fleet(rows: tuple[FleetRow, ...], outcome: Outcome) -> Iterator[str]:
    if len(rows) != CLUSTERS or outcome.clusters != CLUSTERS:
        yield f"{len(rows)} clusters shown and {outcome.clusters} observed instead of {CLUSTERS}"
    if outcome.not_listed:
        yield f"could not list {', '.join(outcome.not_listed)}"
    minors = {str(row.version) for row in rows}
    if minors != MINORS:
        yield f"minors are {sorted(minors)} instead of {sorted(MINORS)}"
    missing = (COMPUTE | TRAITS) - {kind for row in rows for kind in row.compute}
    if missing:
        yield f"no cluster has compute of kind {', '.join(sorted(missing))}"
    if any(row.support is None or row.support.ends_at is None for row in rows):
        yield "a cluster has no support date"
    if {row.account_name for row in rows} != {"commerce-prod", "commerce-dev", "platform-shared"}:
        yield "the accounts are not named as Organizations names them"


def _gaps(rows: tuple[FleetRow, ...]) -> Iterator[str]:
    seen = {(row.name, part): gap.reason for row in rows for part, gap in row.gaps.items()}
    if seen.get(("legacy-erp", parts.NODES)) is not GapReason.UNREACHABLE:
        yield "the unreachable cluster legacy-erp has no such gap"
    if seen.get(("audit", parts.PODS)) is not GapReason.FORBIDDEN:
        yield "the pods of cluster audit are not shown as forbidden"
    others = {name for name, _ in seen} - {"legacy-erp", "audit"}
    if others:
        yield f"clusters that should be seen whole have gaps: {', '.join(sorted(others))}"


def _names(rows: tuple[FleetRow, ...]) -> Iterator[str]:
    same = [row for row in rows if row.name == "commerce"]
    if len({row.id.arn for row in same}) != len(same) or len({row.account for row in same}) < 2:
        yield "clusters of the name commerce in different accounts are mixed up"
    unmapped = [row for row in rows if not row.placement.mapped]
    if not unmapped or any(row.placement.environment != "production" for row in unmapped):
        yield "an unmapped cluster must be there and count as production"


def _addons(fleet: Fleet) -> Iterator[str]:
    found = Counter(row.addon.found_by for row in addon_rows(fleet))
    missing = [how.value for how in model.FoundBy if how is not model.FoundBy.CRD and not found[how]]
    if missing:
        yield f"no addon was found by {', '.join(missing)}"


def _changes(changes: tuple[model.Change, ...]) -> Iterator[str]:
    told = [(c.cluster_name, c.part) for c in changes]
    if told != [("tooling", parts.CONTROL_PLANE)]:
        yield f"the upgrade by hand is not the one change that is told: {told}"


def wave_failures(told: tuple[Told, ...]) -> Iterator[str]:
    """What is wrong with the wave that was told, and with its way back."""
    yield from (each.missed for each in told if each.missed)
    up, back = told
    if missing := POINTS - up.reached:
        yield f"the wave was not {', '.join(sorted(missing))}"
    refused = [what for each in told for what, accepted in each.answers if not accepted]
    if refused != [f"approve {REQUESTER}"]:
        yield f"refused was {refused} instead of {REQUESTER}'s own approval alone"
    for each in told:
        if each.run.run.state is not RunState.SUCCEEDED:
            yield f"the run of {each.run.plan.header.playbook} {each.run.run.state} instead of succeeded"
    yield from _upgraded(up)
    yield from _taken_back(up, back)


def drain_failures(told: Told) -> Iterator[str]:
    """What is wrong with the drain that was told."""
    if told.missed:
        yield told.missed
    if "named by its budget" not in told.reached:
        yield "the pod that may never go was not named"
    if told.run.run.state is not RunState.SUCCEEDED:
        yield f"the drain {told.run.run.state} instead of succeeded"


def campaign_failures(told: Campaign) -> Iterator[str]:
    """What is wrong with the campaign that was told."""
    if told.missed:
        yield told.missed
    elif tuple(told.reached) != CAMPAIGN:
        yield f"the campaign went {', '.join(told.reached)} instead of {', '.join(CAMPAIGN)}"
    if told.duplicates:
        yield f"{told.duplicates} messages of the campaign were posted twice"


def _upgraded(up: Told) -> Iterator[str]:
    header = up.run.plan.header
    members = {task.name: task.state for task in up.run.tasks if task.role is Role.MEMBER}
    if members != dict.fromkeys(UPGRADED, TaskState.SUCCEEDED):
        yield f"the members of the wave ended as {members}"
    if len(header.stages) != 2 or {each.stage for each in up.run.plan.members} != {0, 1}:
        yield "the wave has not two stages with members"
    left = {each.name: each.reason for each in header.left}
    if len(header.left) != CLUSTERS - len(UPGRADED) or "FK105" not in left.get("data", ""):
        yield f"left out are {left}, and not data for its insight among {CLUSTERS - len(UPGRADED)}"
    moved = {each.name: each.hops for each in up.run.plan.members}
    if not any(len(hops) > 1 for hops in moved.values()):
        yield "no member of the wave takes two hops"
    if not any(step.attempt for step in up.run.steps):
        yield "no step of the wave was tried a second time"


def _taken_back(up: Told, back: Told) -> Iterator[str]:
    steps = [step for step in back.run.steps if step.kind == "rollback-control-plane"]
    if [step.state for step in steps] != [StepState.SUCCEEDED]:
        yield "no control plane was taken back"
    now = max((each.since for each in up.run.steps), default=up.run.run.since)
    if len(ways_back(up.run.steps, now)) != len(UPGRADED):
        yield "not every upgraded member has its way back with the time that is left"


def _judged(rows: tuple[ReportRow, ...]) -> Iterator[str]:
    verdicts = {row.cluster: row.verdict for row in rows}
    for cluster, verdict in VERDICTS.items():
        if verdicts.get(cluster) != verdict:
            yield f"{cluster} is {verdicts.get(cluster)} for its next minors instead of {verdict}"
    found = {finding.code for row in rows for finding in row.findings}
    if missing := CODES - found:
        yield f"no finding of {', '.join(sorted(missing))}"
    families = {code[:3] for code in found}
    if absent := {"FK1", "FK2", "FK3", "FK4", "FK5"} - families:
        yield f"no finding of the families {', '.join(sorted(absent))}"
