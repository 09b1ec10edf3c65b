"""Opening the disruption budgets of a Karpenter NodePool for drift, for the time of a rotation, and closing them again.

Budgets of no nodes for the reason Drifted that hold at any time keep nodes from ever being replaced but by us. While we
work they are set aside for that reason alone: Empty and Underutilized stay as they were, and so does every budget with
a schedule, for that is when its owner wants no disruption. What was there before stands on the NodePool itself.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fleetkeeper.core.node_holds import Budget, Holding, NodePool, is_nothing

OPENED_BY = "fleetkeeper.dev/opened-by"
OPENED_FROM = "fleetkeeper.dev/opened-from"
OPENED_WITH = "fleetkeeper.dev/opened-with"

_OTHER_REASONS = ("Empty", "Underutilized")


def is_closed(pool: NodePool) -> bool:
    """Whether a budget lets no node drift at any time."""
    return any(_closes(each) for each in pool.budgets or ())


def opening(pool: NodePool, by: str) -> Holding:
    """Whose opening it is. BROKEN: ours, and somebody else has changed the budgets since."""
    if not pool.opened_by:
        return Holding.FREE
    if pool.opened_by != by:
        return Holding.FOREIGN
    ours = _noted(pool.opened_with)
    return Holding.OURS if ours is not None and list(pool.budgets or ()) == ours else Holding.BROKEN


def opened(pool: NodePool, by: str, nodes: str) -> Mapping[str, object]:
    """The change that lets so many nodes drift at once: a number, or a share such as 10%."""
    made = [budget for each in pool.budgets or () for budget in _without_drift(each)]
    made.append({"nodes": nodes, "reasons": ["Drifted"]})
    before = [dict(each) for each in pool.budgets or ()]
    return _change(made, by, json.dumps(before, sort_keys=True), json.dumps(made, sort_keys=True))


def closed(pool: NodePool) -> Mapping[str, object]:
    """The change that puts back what was there before us; of a broken opening it takes the notes alone."""
    before = _noted(pool.opened_from)
    notes: dict[str, object] = {"metadata": {"annotations": dict.fromkeys((OPENED_BY, OPENED_FROM, OPENED_WITH))}}
    if before is None or opening(pool, pool.opened_by) is not Holding.OURS:
        return notes
    return {**notes, "spec": {"disruption": {"budgets": before}}}


def _closes(budget: Budget) -> bool:
    return is_nothing(budget) and not budget.get("schedule")


def _without_drift(budget: Budget) -> Sequence[Budget]:
    """The same budget for what else it is about; nothing of one that was for drift alone."""
    if not _closes(budget):
        return [dict(budget)]
    rest = [each for each in budget.get("reasons") or _OTHER_REASONS if each != "Drifted"]
    return [{**budget, "reasons": rest}] if rest else []


def _noted(text: str) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _change(budgets: Sequence[Budget], by: str, before: str, with_: str) -> Mapping[str, object]:
    notes = {OPENED_BY: by, OPENED_FROM: before, OPENED_WITH: with_}
    return {"metadata": {"annotations": notes}, "spec": {"disruption": {"budgets": [dict(each) for each in budgets]}}}
