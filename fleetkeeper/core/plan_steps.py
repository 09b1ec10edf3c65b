"""The steps of the members of a plan, hop by hop with their reasons; members with the same steps are told once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from fleetkeeper.core.changing_via import proposed_text
from fleetkeeper.core.kind_words import step_words
from fleetkeeper.core.page_text import filled
from fleetkeeper.core.plan import Member
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.wording import counted, some

_SHOWN = 6
"""So many of the clusters of one list are named above it; each has the letter of its list at its own place."""
_TOLD = ("addon", "group", "nodes", "release", "version", "pools", "name", "to", "for")
"""Parameters that tell which thing a step is about, in this order; what is filled in by kind is told by the reason."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Members that get the same steps for the same reasons, from one minor over the same hops."""

    letter: str
    members: tuple[Member, ...]

    @property
    def steps(self) -> tuple[StepSpec, ...]:
        return self.members[0].steps

    @property
    def way(self) -> str:
        """`1.33 → 1.34 → 1.35`."""
        first = self.members[0]
        return " → ".join(filter(None, (first.attributes.get("version", ""), *first.hops)))


def is_told_step_by_step(members: Iterable[Member]) -> bool:
    """Whether the steps differ by more than an addon's version, so that each has its reason."""
    return any(step.why for member in members for step in member.steps)


def listings(members: Sequence[Member]) -> tuple[Listing, ...]:
    """In the order of the first member of each."""
    found: dict[object, list[Member]] = {}
    for member in members:
        found.setdefault((member.hops, member.attributes.get("version"), _key(member.steps)), []).append(member)
    return tuple(Listing(_letter(idx), tuple(inside)) for idx, inside in enumerate(found.values()))


def letters(listed: Iterable[Listing]) -> Mapping[int, str]:
    """Member's idx → the letter of its list."""
    return {member.idx: each.letter for each in listed for member in each.members}


def _key(steps: Iterable[StepSpec]) -> object:
    return tuple((step.name, step.kind, tuple(sorted(step.params.items())), step.hop, step.why) for step in steps)


def _letter(idx: int) -> str:
    """A to Z, AA, AB and so on."""
    count = len(ascii_uppercase)
    return (_letter(idx // count - 1) if idx >= count else "") + ascii_uppercase[idx % count]


def listing_lines(each: Listing) -> Iterator[str]:
    """The list: who, then step by step, with a line where the next hop begins."""
    who = some((member.name for member in each.members), _SHOWN)
    way = f", {each.way}" if each.way else ""
    yield from filled(f"Steps {each.letter}: {counted(len(each.members), 'cluster')}{way} ({who})", "", "  ")
    hop = ""
    for number, step in enumerate(each.steps, start=1):
        if step.hop != hop:
            yield f"  to {step.hop}" if step.hop else "  then"
            hop = step.hop
        why = step.why or step_words(step.kind).does
        yield from filled(f"{_told(step)}: {why}", f"  {number:>3}. ", "       ")


def _told(step: StepSpec) -> str:
    """`update-addon coredns v1.13.2-eksbuild.1`; of a proposal from what to what, and to whom."""
    if text := proposed_text(step):
        return f"{step.kind} {text}"
    params = (step.params.get(name) for name in _TOLD)
    texts = (", ".join(value) if isinstance(value, tuple) else str(value) for value in params if value)
    return " ".join((step.kind, *dict.fromkeys(filter(None, texts))))
