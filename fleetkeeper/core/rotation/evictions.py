"""What an answer of the API server to an eviction means: by its status, Retry-After and reasons, never by its words.

The answers are those of kubernetes/kubernetes, pkg/registry/core/pod/storage/eviction.go (1.36), measured one by one;
docs/node-rotation.md lists them. The words change between versions, and a webhook may say anything.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fleetkeeper.core.live import LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.rotation.seen import Eviction, Outcome
from fleetkeeper.core.text import safe

_LONGEST = 300
_BUDGET = "DisruptionBudget"
_NO_POD = ("pods", "namespaces")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, with what its Status says: nothing of it where the body is none.

    failed: the Status says Failure, whatever the HTTP status is. about: the plural of what it is about. causes: their
    reasons. detailed: the Status has details at all. retry_after: seconds, 0 for none.
    """

    status: int
    failed: bool = False
    code: int = 0
    reason: str = ""
    about: str = ""
    causes: tuple[str, ...] = ()
    detailed: bool = False
    message: str = ""
    retry_after: int = 0


def asked(pod: LivePod) -> Mapping[str, Any]:
    """The body of an Eviction of this very pod. ValueError for one whose uid nobody read."""
    metadata = {"name": pod.name, "namespace": pod.namespace}
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": metadata,
        "deleteOptions": {"preconditions": preconditions(pod)},
    }


def deletion(pod: LivePod) -> Mapping[str, Any]:
    """The options of a deletion of this very pod, which gives it its own grace."""
    return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions(pod)}


def preconditions(pod: LivePod) -> Mapping[str, str]:
    if not pod.uid:
        raise ValueError(f"{pod.place} has no uid, so that another pod of its name could be meant")
    return {"uid": pod.uid}


def judged(said: Said) -> Eviction | None:
    """None for an answer that is about no eviction: nobody was asked, or the path is not served.

    SEVERAL is only likely: a webhook, and an API server with trouble of its own, may answer the same.
    """
    outcome = _outcome(said, said.code if said.failed and said.code else said.status)
    return None if outcome is None else Eviction(outcome, safe(said.message, _LONGEST), said.retry_after)


def confirmed(eviction: Eviction, pod: LivePod, budgets: Callable[[], Iterable[Budget]]) -> Eviction:
    """The same, but BUSY for SEVERAL where no two budgets take the pod: it was something else that failed."""
    if eviction.outcome is not Outcome.SEVERAL:
        return eviction
    taking = [
        each
        for each in budgets()
        if each.namespace == pod.namespace and each.selector is not None and each.selector.accepts(pod.labels)
    ]
    return eviction if len(taking) > 1 else replace(eviction, outcome=Outcome.BUSY)


def _outcome(said: Said, status: int) -> Outcome | None:
    if status == 404:
        return Outcome.GONE if said.reason == "NotFound" and said.about in _NO_POD else None
    if status == 429 and _BUDGET in said.causes:
        return Outcome.NOT_COUNTED if said.retry_after else Outcome.BUDGET
    if status == 409:
        return Outcome.CONFLICT
    if status == 500 and said.failed and not said.reason and not said.detailed:
        return Outcome.SEVERAL
    if status in (408, 429) or status >= 500:
        return Outcome.BUSY
    if status < 300:
        return Outcome.BUSY if said.failed else Outcome.ACCEPTED
    return Outcome.REFUSED if status >= 400 and status not in (401, 407) else None
