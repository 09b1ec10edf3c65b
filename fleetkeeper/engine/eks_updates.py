"""An update of EKS that an attempt of a step begins and follows: of a control plane, a node group or an addon."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from fleetkeeper.core.model import Issue
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Memory, Moment
from fleetkeeper.core.wording import some
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.errors import GapReason, ReadError, Refused

CLOCKS_DIFFER = timedelta(minutes=2)
"""How far the clock of EKS may be from ours."""

REFUSALS = (GapReason.REJECTED, GapReason.NOT_FOUND)
"""With these EKS says no to what was asked, for this attempt; anything else is tried again with the same token."""

_LONGEST = 300


def begun(begin: Callable[[], str], moment: Moment, memory: Memory) -> Memory:
    """What an act leaves: the id of the update that `begin` gives, or EKS's refusal of it."""
    try:
        id = begin()
    except Refused as error:
        if error.reason not in REFUSALS:
            raise
        return leaving(memory, moment, refused=error.detail)
    return leaving(memory, moment, update=id)


def own_of(updates: Iterable[EksUpdate], moment: Moment, leads: Callable[[EksUpdate], bool]) -> EksUpdate | None:
    """The update of this attempt; after a lost answer the newest one that leads where we want and began since.

    updates: the newest first. Those that `known` kept before the act are not ours.
    """
    if id := remembered(moment).get("update"):
        return next((each for each in updates if each.id == id), None)
    if not moment.tried:
        return None
    since, before = moment.started_at - CLOCKS_DIFFER, moment.memory.get("known", "").split()
    ours = (each for each in updates if leads(each) and each.id not in before)
    return next((each for each in ours if each.created_at is not None and each.created_at >= since), None)


def known(updates: Iterable[EksUpdate]) -> str:
    """The ids of updates that were there before ours, as a step's memory keeps them by the key `known`."""
    return " ".join(each.id for each in updates)


def none_of_what_is_gone(read: Callable[[], tuple[EksUpdate, ...]]) -> tuple[EksUpdate, ...]:
    try:
        return read()
    except ReadError as error:
        if error.reason is not GapReason.NOT_FOUND:
            raise
        return ()


def reasons(errors: Iterable[str]) -> str:
    """Why an update failed, in the words of EKS."""
    return some(_line(each) for each in errors) or "EKS gave no reason"


def issues_text(issues: Iterable[Issue]) -> str:
    """What EKS holds against a part of a cluster, in brackets after its status; "" where that is nothing."""
    said = some(f"{each.code}: {_line(each.message)}" for each in issues)
    return f" ({said})" if said else ""


def _line(text: str) -> str:
    return safe(" ".join(text.split()), _LONGEST)
