"""Holding the nodes of a Karpenter NodePool where they are: a disruption budget of ours in front of its owner's own.

A budget of no nodes for the reason Drifted keeps nodes on their image while the control plane moves; Underutilized and
Empty go on as the owner's budgets say, and so do expiry and interruptions, which no budget holds. Who holds a pool, and
by exactly which budgets, stands on the NodePool itself, so that a crash, another run or a person can tell.
Budgets: karpenter.sh/v1, pkg/apis/v1/nodepool.go (2026-11): at most 50, the strictest that is active counts, a budget
without reasons is for all of them, and a pool without the field has one of 10%.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fleetkeeper.core.owner_keys import owner_keys, owner_named
from fleetkeeper.core.text import safe

HELD_BY = "fleetkeeper.dev/held-by"
HELD_WITH = "fleetkeeper.dev/held-with"
MOST_BUDGETS = 50

_HOLD: Mapping[str, object] = {"nodes": "0", "reasons": ["Drifted"]}
_UNSAID: Mapping[str, object] = {"nodes": "10%"}
_LONGEST = 256  # of texts that anybody may have written
_AUTO_MODE = "eks.amazonaws.com"
_BUILT_IN = ("general-purpose", "system")
_KEEPERS = ("argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/")

Budget = Mapping[str, Any]


class Holding(StrEnum):
    """Whose hold is on a pool. BROKEN: ours, and what held it was changed or removed by somebody else."""

    FREE = "free"
    OURS = "ours"
    BROKEN = "broken"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class NodePool:
    """A karpenter.sh/v1 NodePool as far as its nodes are held or let go. budgets None: the field is not there.

    node_class is kind/name; grace its terminationGracePeriod, "" for none; kept_by what a GitOps tool calls it.
    opened_by, opened_from, opened_with: the notes of a rotation that opened its budgets (node_opening.py).
    """

    name: str
    version: str
    budgets: tuple[Budget, ...] | None
    held_by: str = ""
    held_with: str = ""
    node_class: str = ""
    is_auto: bool = False
    grace: str = ""
    kept_by: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)
    opened_by: str = ""
    opened_from: str = ""
    opened_with: str = ""

    @property
    def is_built_in(self) -> bool:
        """Whether EKS keeps the pool itself and lets nobody edit it.

        https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html (2026-11)
        """
        return self.is_auto and self.name in _BUILT_IN

    @property
    def whose(self) -> str:
        return owner_named(self.owner)

    def holding(self, by: str) -> Holding:
        if not self.held_by:
            return Holding.FREE
        if self.held_by != by:
            return Holding.FOREIGN
        return Holding.OURS if _without(self.budgets or (), self._ours) is not None else Holding.BROKEN

    @property
    def is_full(self) -> bool:
        return len(self.budgets or ()) >= MOST_BUDGETS

    def held(self, by: str) -> Mapping[str, object]:
        """The change that puts our hold in front of what is there. A pool that said nothing keeps its 10% so."""
        ours = [_HOLD] if self.budgets is not None else [_HOLD, _UNSAID]
        return _change([*ours, *(self.budgets or ())], by, json.dumps(ours, sort_keys=True))

    def released(self) -> Mapping[str, object]:
        """The change that takes our hold away and nothing else: of a broken one only the notes."""
        rest = _without(self.budgets or (), self._ours)
        if rest is None:
            return {"metadata": {"annotations": {HELD_BY: None, HELD_WITH: None}}}
        return _change(rest if rest or len(self._ours) == 1 else None, None, None)

    @property
    def _ours(self) -> tuple[Budget, ...]:
        """As the pool notes it; nothing that could be found where the note cannot be read."""
        try:
            noted = json.loads(self.held_with)
        except ValueError:
            return ({},)
        return tuple(noted) if isinstance(noted, list) and noted else ({},)

    def closed_by_owner(self) -> Budget | None:
        """A budget of the owner's that lets no node drift, at least at times; None where none does."""
        ours = self._ours if self.held_by else ()
        without = _without(self.budgets or (), ours)
        own = without if without is not None else self.budgets or ()
        return next((each for each in own if is_nothing(each)), None)


def pool_of(found: Mapping[str, Any]) -> NodePool:
    metadata, spec = found["metadata"], found.get("spec") or {}
    notes, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    template = (spec.get("template") or {}).get("spec") or {}
    reference = template.get("nodeClassRef") or {}
    budgets = (spec.get("disruption") or {}).get("budgets")
    return NodePool(
        name=metadata["name"],
        version=metadata.get("resourceVersion", ""),
        budgets=None if budgets is None else tuple(budgets),
        held_by=notes.get(HELD_BY, ""),
        held_with=notes.get(HELD_WITH, ""),
        node_class=safe(f"{reference.get('kind', '')}/{reference.get('name', '')}", _LONGEST),
        is_auto=reference.get("group") == _AUTO_MODE,
        grace=safe(template.get("terminationGracePeriod") or "", _LONGEST),
        kept_by=next((key.partition("/")[0] for key in (*notes, *labels) if key.startswith(_KEEPERS)), ""),
        owner=owner_keys(labels, notes),
        opened_by=notes.get("fleetkeeper.dev/opened-by", ""),
        opened_from=notes.get("fleetkeeper.dev/opened-from", ""),
        opened_with=notes.get("fleetkeeper.dev/opened-with", ""),
    )


def budget_text(budget: Budget) -> str:
    """As a person writes it: `nodes 0 for Drifted, on "0 9 * * 1-5" for 8h`."""
    reasons = budget.get("reasons")
    text = f"nodes {budget.get('nodes', '')}" + (f" for {', '.join(map(str, reasons))}" if reasons else "")
    if budget.get("schedule"):
        text = f'{text}, on "{budget["schedule"]}" for {budget.get("duration", "")}'
    return safe(text, _LONGEST)


def is_fixed(node_class: Mapping[str, Any]) -> bool:
    """Whether an EC2NodeClass names its images by id alone: its nodes never follow the control plane's minor."""
    terms = (node_class.get("spec") or {}).get("amiSelectorTerms") or ()
    return bool(terms) and all(set(term) == {"id"} for term in terms)


def is_nothing(budget: Budget) -> bool:
    """Whether it lets no node drift, at least at times."""
    reasons = budget.get("reasons")
    return str(budget.get("nodes", "")).rstrip("%") == "0" and (not reasons or "Drifted" in reasons)


def _change(budgets: Sequence[Budget] | None, by: str | None, with_: str | None) -> Mapping[str, object]:
    notes = {HELD_BY: by, HELD_WITH: with_}
    listed = None if budgets is None else [dict(each) for each in budgets]
    return {"metadata": {"annotations": notes}, "spec": {"disruption": {"budgets": listed}}}


def _without(budgets: Sequence[Budget], ours: Sequence[Budget]) -> list[Budget] | None:
    """The budgets less one of each of ours; None when one of ours is not there."""
    rest = list(budgets)
    for each in ours:
        if each not in rest:
            return None
        rest.remove(each)
    return rest
