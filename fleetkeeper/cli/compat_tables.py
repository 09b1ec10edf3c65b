"""The rows of compat as tables."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from fleetkeeper.cli.tables import Column, indented, table
from fleetkeeper.core.compat_lists import (
    END_OF_LIFE,
    AddonLine,
    ApiLine,
    BehaviourLine,
    MinorLine,
    Origin,
    VersionLine,
)

_FROM = Column("FROM", right=True)


class _Sources:
    """The sources of a table's rows by number, for one source stands behind many rows."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, origin: Origin) -> str:
        text = origin.source if origin.date in origin.source else f"{origin.source} ({origin.date})"
        return str(self._numbers.setdefault(text, len(self._numbers) + 1))

    def show(self, console: Console) -> None:
        for text, number in self._numbers.items():
            console.print(indented(f"{number}: {text}", style="dim"))


def show_minors(console: Console, lines: Sequence[MinorLine]) -> None:
    sources = _Sources()
    columns = (
        Column("MINOR"),
        Column("UPSTREAM"),
        Column("TO"),
        Column("EKS"),
        Column("STANDARD TO"),
        Column("EXTENDED TO"),
        _FROM,
    )
    body = [
        (
            line.minor,
            line.upstream_release or "?",
            line.upstream_end or "?",
            line.eks_release or "?",
            line.eks_end_of_standard or "?",
            line.eks_end_of_extended or "?",
            sources.number(line.origin),
        )
        for line in lines
    ]
    console.print(table(columns, body, console.width))
    sources.show(console)


def show_apis(console: Console, lines: Sequence[ApiLine]) -> None:
    columns = (
        Column("API", wraps=True),
        Column("KIND", most=34),
        Column("DEPRECATED"),
        Column("REMOVED"),
        Column("INSTEAD", wraps=True),
    )
    body = [
        (line.api_version, line.kind, line.deprecated, line.removed, line.replacement or line.note or "nothing")
        for line in lines
    ]
    console.print(table(columns, body, console.width))


def show_behaviours(console: Console, lines: Sequence[BehaviourLine]) -> None:
    columns = (Column("MINOR"), Column("TYPE", most=16), Column("FOUND BY", most=18), Column("CHANGE", wraps=True))
    body = [(line.minor, line.type, line.check or "reading", line.text) for line in lines]
    console.print(table(columns, body, console.width))


def show_addons(console: Console, lines: Sequence[AddonLine], target: str = "") -> None:
    columns = (
        Column("ADDON", most=30),
        Column("CRITICAL"),
        Column("ROWS", right=True),
        Column("KNOWN TO"),
        Column(f"GOES WITH {target}" if target else "RULES", wraps=True),
    )
    body = [
        (
            line.id,
            line.critical or "-",
            str(line.versions),
            line.freshest or "?",
            (" or ".join(line.goes_with) or "?") if target else ", ".join(line.rules),
        )
        for line in lines
    ]
    console.print(table(columns, body, console.width))


def show_versions(console: Console, lines: Sequence[VersionLine]) -> None:
    sources = _Sources()
    columns = (
        Column("VERSIONS", most=24),
        Column("MINORS"),
        Column("STRENGTH"),
        Column("SURE"),
        _FROM,
        Column("NOTE", wraps=True),
    )
    body = [
        (line.range, _minors(line), _strength(line), line.origin.confidence, sources.number(line.origin), line.note)
        for line in lines
    ]
    console.print(table(columns, body, console.width))
    sources.show(console)


def _minors(line: VersionLine) -> str:
    if line.strength == END_OF_LIFE:
        return f"since {line.day}"
    if line.oldest and line.newest:
        return line.oldest if line.oldest == line.newest else f"{line.oldest} to {line.newest}"
    if line.oldest:
        return f"{line.oldest} and newer"
    return f"{line.newest} and older" if line.newest else "every"


def _strength(line: VersionLine) -> str | Text:
    return Text(line.strength, style="yellow") if line.strength == END_OF_LIFE else line.strength
