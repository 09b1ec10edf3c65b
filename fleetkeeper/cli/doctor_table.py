"""The doctor's rows as a table, and below it what to do about each that did not pass."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from fleetkeeper.cli.tables import Column, indented, table
from fleetkeeper.core.text import safe
from fleetkeeper.engine.proofs import Proof, Result

_STYLES = {Result.PASS: "green", Result.WARN: "yellow", Result.FAIL: "red"}
_RESULT = Column("RESULT")
_SUBJECT, _CHECK, _DETAIL = (Column(header, wraps=True) for header in ("SUBJECT", "CHECK", "DETAIL"))
_URGENCY = (Result.FAIL, Result.WARN, Result.PASS)


def show(console: Console, proofs: Sequence[Proof], whole: bool) -> None:
    """whole: every row, subject by subject; otherwise what passed at one subject is one row."""
    if whole:
        for subject, found in groupby(proofs, lambda proof: proof.subject):
            console.print(Text(safe(subject, 200), style="bold"))
            console.print(table((_RESULT, _CHECK, _DETAIL), [_row(proof) for proof in found], console.width))
            console.print()
    else:
        console.print(table((_RESULT, _SUBJECT, _CHECK, _DETAIL), _folded(proofs), console.width))
        console.print()
    counts = ((result, sum(p.result is result for p in proofs)) for result in _URGENCY)
    console.print(", ".join(f"{count} {result.value}" for result, count in counts if count) + ".")
    for proof in sorted(proofs, key=lambda p: _URGENCY.index(p.result)):
        if proof.result is not Result.PASS:
            _explain(console, proof)


def _row(proof: Proof) -> tuple[str | Text, ...]:
    result = Text(proof.result.value, style=_STYLES[proof.result])
    if proof.result is Result.PASS:
        return result, proof.what, proof.detail
    return result, proof.what, proof.reason.value if proof.reason else "see below"


def _folded(proofs: Sequence[Proof]) -> Iterator[tuple[str | Text, ...]]:
    for (subject, passed), same in groupby(proofs, lambda p: (p.subject, p.result is Result.PASS)):
        found = list(same)
        if passed:
            text = found[0].what + (f" and {len(found) - 1} more" if len(found) > 1 else "")
            yield Text(Result.PASS.value, style=_STYLES[Result.PASS]), subject, text, ""
        else:
            yield from ((row[0], subject, *row[1:]) for row in map(_row, found))


def _explain(console: Console, proof: Proof) -> None:
    head = Text(f"\n{proof.result.value}  ", style=_STYLES[proof.result])
    console.print(head + Text(f"{safe(proof.subject, 200)}: {safe(proof.what, 200)}"))
    if proof.detail:
        console.print(indented(proof.detail))
    if proof.fix:
        console.print(indented(f"Fix: {proof.fix}"))
