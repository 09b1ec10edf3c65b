"""What a button carries: what it is about, and of which state it was made, so that a stale one is refused in words."""

from dataclasses import dataclass

_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Button:
    """notice: the id of the notice that it stands in. about: which group of its items (an Ask's id), an extension's
    answer id, a run's or a plan's id. digest: of the plan for approvals, "" else. target: a gate of a run, "" for all.
    """

    notice: str
    about: str
    digest: str = ""
    target: str = ""

    def __str__(self) -> str:
        return _SEPARATOR.join((self.notice, self.about, self.digest, self.target))

    @classmethod
    def parse(cls, text: str) -> "Button | None":
        """None for what no button of ours ever said."""
        parts = text.split(_SEPARATOR)
        return cls(*parts) if len(parts) == 4 else None
