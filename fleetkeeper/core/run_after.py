"""What postflight found of the members of a run: versions, what was left, and what the owner writes into the source."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleetkeeper.core.run import Step, StepState
from fleetkeeper.core.verdict import Memory

_FEW = 3
"""So many lines for the source are on the page of a run; a member with many components has dozens."""


@dataclass(frozen=True, slots=True)
class After:
    """versions: as the plan wanted and found them. source: the lines for Terraform and the others, by component.

    left: nodes that no step touched; new: findings since preflight, as `code/subject`.
    """

    versions: str
    source: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    @property
    def memory(self) -> Memory:
        """As postflight keeps it."""
        lines = {"source": self.source, "left": self.left, "new": self.new}
        return {"versions": self.versions, **{name: "\n".join(each) for name, each in lines.items()}}

    def told(self, every: bool) -> Iterator[str]:
        """For the page of the run, one fact each. every: also the lines for the source when they are many."""
        if self.versions:
            yield f"is at {self.versions}"
        yield from (f"left as it was: {each}" for each in self.left)
        if self.new:
            yield f"new since preflight: {', '.join(self.new)}"
        if every or len(self.source) <= _FEW:
            yield from (f"into the source: {each}" for each in self.source)
        else:
            yield f"into the source: {len(self.source)} lines, one for each tool that may keep a version"


def after(steps: Iterable[Step]) -> dict[int, After]:
    """Task → what its postflight found, of those that ended well."""
    return {each.key.idx: _read(each.memory) for each in steps if _is_told(each)}


def _is_told(step: Step) -> bool:
    return step.kind == "postflight" and step.state is StepState.SUCCEEDED


def _read(memory: Memory) -> After:
    source, left, new = (tuple(memory.get(name, "").splitlines()) for name in ("source", "left", "new"))
    return After(memory.get("versions", ""), source, left, new)
