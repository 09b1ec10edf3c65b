"""The cases of evictions tell: every one of these faults in the simulator's eviction code is seen by one of them.

A fault is another text in the module's own source. It must be there to be replaced, so that nobody tests a fault of
code that has gone.
"""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import pytest

from fleetkeeper.sim.kube import api, eviction
from tests.contract.kube_sides import Side
from tests.contract.kube_write_evictions import EVICTIONS
from tests.contract.kube_write_sides import Case, Sides, comparable, played, writable
from tests.control_plane.conftest import plane_minor

__all__ = ["plane_minor"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A text of eviction.py and what stands there instead; `case` is one that must see it."""

    id: str
    text: str
    instead: str
    case: str


FAULTS = [
    Fault("two budgets are taken for one", "if len(budgets) > 1:", "if len(budgets) > 9:", "two budgets"),
    Fault("a dry run spends", "refusal is None and not dry_run:", "refusal is None:", "a dry run leaves the budget"),
    Fault(
        "an unseen budget is trusted",
        '< budget["metadata"].get("generation", 0)',
        "< 0",
        "a budget that nobody has seen",
    ),
    Fault(
        "a pending pod is guarded",
        '("Pending", "Succeeded", "Failed")',
        '("Succeeded", "Failed")',
        "a pod that is Pending goes whatever the budget",
    ),
    Fault(
        "a pod that goes spends again",
        'or "deletionTimestamp" in pod["metadata"]',
        "",
        "a pod that goes already spends no more",
    ),
    Fault(
        "AlwaysAllow is not known",
        '== "AlwaysAllow"',
        '== "Always"',
        "an unready pod under AlwaysAllow, too few healthy",
    ),
    Fault(
        "an unready pod always goes",
        "desired > 0 and status",
        "desired >= 0 or status",
        "an unready pod under no policy, too few healthy",
    ),
    Fault(
        "none desired is enough",
        "desired > 0 and status",
        "desired >= 0 and status",
        "an unready pod under no policy, none desired",
    ),
    Fault("a ready pod is spare", 'if is_true(pod, "Ready"):', "if False:", "a budget of all pods"),
    Fault("a wait is not told", "_RETRY = 10", "_RETRY = 0", "a budget that nobody has seen"),
    Fault(
        "an exhausted budget gives more",
        "return None if allowed else",
        "return None if allowed >= 0 else",
        "a budget that is exhausted",
    ),
    Fault(
        "nobody is remembered",
        '{**(status.get("disruptedPods") or {}), pod: now}',
        "{}",
        "another version spends the budget",
    ),
    Fault(
        "a conflict spends nothing",
        "_spend(objects, budgets[0], pod, dry_run) if budgets",
        '_spend(objects, budgets[0], pod, dry_run or "preconditions" in options) if budgets',
        "a budget spent by a conflict",
    ),
    Fault("a dry run checks nothing", "objects.expect(PODS, key, expect)", "pass", "a dry run checks the identity"),
    Fault("the name is not compared", 'metadata.get("name", "") != key[1]', "False", "another name"),
]


NAMED = {case.id: case for case in EVICTIONS if case.id in {fault.case for fault in FAULTS}}


@pytest.fixture(scope="module")
def sides(plane_minor: str) -> Iterator[Sides]:
    with writable(plane_minor) as found:
        yield found


@pytest.fixture(scope="module")
def truth(sides: Sides) -> dict[str, str]:
    """What the real server answers to each case that some fault names, by the case's id."""
    return {id: _told(sides.real, case, f"truth-{number}") for number, (id, case) in enumerate(NAMED.items())}


def test_every_fault_names_a_case_of_the_table() -> None:
    assert {fault.case for fault in FAULTS} == set(NAMED)


def test_without_a_fault_no_case_differs(sides: Sides, truth: dict[str, str]) -> None:
    found = {id: _told(sides.simulated, case, f"truth-{number}") for number, (id, case) in enumerate(NAMED.items())}

    assert found == truth


@pytest.mark.parametrize(("number", "fault"), list(enumerate(FAULTS)), ids=[fault.id for fault in FAULTS])
def test_a_case_sees_that(
    sides: Sides, truth: dict[str, str], number: int, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "eviction", _faulty(fault))

    assert _told(sides.simulated, NAMED[fault.case], f"fault-{number}") != truth[fault.case]


def _faulty(fault: Fault) -> ModuleType:
    """A copy of the module with the fault; the served simulator looks the module up at every request."""
    source = inspect.getsource(eviction)
    assert source.count(fault.text) == 1, f"{fault.text!r} is there {source.count(fault.text)} times"
    found = ModuleType("faulty_eviction")
    exec(compile(source.replace(fault.text, fault.instead), found.__name__, "exec"), found.__dict__)
    return found


def _told(side: Side, case: Case, space: str) -> str:
    """All answers to a case, as text in which the namespace has no name."""
    return json.dumps([comparable(each) for each in played(side, case, space)], sort_keys=True).replace(space, "{ns}")
