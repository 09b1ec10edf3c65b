"""A rehearsal as a picture: a line for each step and each node, and what happened to it over time (SVG)."""

from collections.abc import Iterator, Sequence
from html import escape

from fleetkeeper.core.rehearsal.report import Look, Rehearsal, Rehearsed, Row

MOST_ROWS = 400
"""Lines for one member; those that are left out are counted."""

_LEFT, _WIDTH, _LINE, _TOP = 290, 900, 16, 26
_TICKS = 6
_STYLE = """
text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}
.dim{fill:#57606a}.head{font-weight:bold;font-size:14px}.bad{fill:#b3261e}
.grid{stroke:#d0d7de;stroke-width:1}.page{fill:#ffffff}
.work{fill:#2f6fb0}.boot{fill:#a9b4c0}.new{fill:#5aa469}.wait{fill:#dbe2ea}.blocked{fill:#d1372b}
@media (prefers-color-scheme: dark){
text{fill:#e6edf3}.dim{fill:#9aa5b1}.bad{fill:#ff8a80}.grid{stroke:#3a434d}.page{fill:#0d1117}
.work{fill:#5b9bd5}.boot{fill:#6b7683}.new{fill:#6cbf7e}.wait{fill:#2c3540}.blocked{fill:#ff6b5e}
}
"""
_TOLD = {
    Look.WORK: "work, or pods leave",
    Look.BOOT: "not Ready yet",
    Look.NEW: "new and Ready",
    Look.WAIT: "waits",
    Look.BLOCKED: "blocked",
}


def svg(rehearsal: Rehearsal) -> str:
    """One drawing for all members that were rehearsed, one below the other; it follows light and dark by itself."""
    parts: list[str] = []
    y = 40.0
    for member in rehearsal.members:
        drawn, y = _member(member, y)
        parts += drawn
    height, width = y + 20, _LEFT + _WIDTH + 40
    size = f'width="{width}" height="{height:g}"'
    name = f"Rehearsal of plan {_safe(rehearsal.plan)}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" {size} role="img"',
        f'aria-label="{name}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" {size}/>',
        f'<text class="head" x="16" y="24">{name}</text>',
    )
    return "\n".join((*head, *_legend(), *parts, "</svg>", ""))


def _legend() -> Iterator[str]:
    x = _LEFT + 120
    for look, told in _TOLD.items():
        yield f'<rect class="{look.value}" x="{x}" y="14" width="12" height="12"/>'
        yield f'<text x="{x + 17}" y="24">{told}</text>'
        x += 36 + 8 * len(told)


def _member(member: Rehearsed, y: float) -> tuple[list[str], float]:
    y += _TOP
    why = f": {member.why}" if member.why else ""
    bad = "" if member.goes_well else " bad"
    found = [
        f'<text class="head{bad}" x="16" y="{y:g}">{_safe(member.member)}: {member.end.value}{_safe(_cut(why))}</text>'
    ]
    rows = member.rows[:MOST_ROWS]
    if not rows:
        return found, y + 10
    end = max((span.until for row in rows for span in row.spans), default=0.0) or 1.0
    y += 22
    bottom = y + _LINE * len(rows)
    found += _grid(end, y, bottom)
    for place, row in enumerate(rows):
        found += _row(row, end, y + _LINE * place)
    if left := len(member.rows) - len(rows):
        bottom += _LINE
        found.append(f'<text class="dim" x="16" y="{bottom - 4:g}">and {left} more nodes</text>')
    return found, bottom + 14


def _grid(end: float, top: float, bottom: float) -> Iterator[str]:
    step = _step(end)
    at = 0.0
    while at <= end:
        x = _x(at, end)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{bottom:g}"/>'
        yield f'<text class="dim" x="{x + 2:.1f}" y="{top - 3:g}">{_clock(at)}</text>'
        at += step


def _row(row: Row, end: float, y: float) -> Iterator[str]:
    name = _cut(row.name, 38)
    shown = f"step {name}" if row.is_step else name
    dim = "" if row.is_step else ' class="dim"'
    yield f'<text x="16" y="{y + 12:g}"{dim}>{_safe(shown)}</text>'
    for span in row.spans:
        x, wide = _x(span.since, end), max(0.8, _x(span.until, end) - _x(span.since, end))
        told = f"{_safe(row.name)}: {_TOLD[span.look]}, {_clock(span.since)} to {_clock(span.until)}"
        yield (
            f'<rect class="{span.look.value}" x="{x:.1f}" y="{y + 2:g}" width="{wide:.1f}" height="{_LINE - 4}">'
            f"<title>{told}</title></rect>"
        )


def _x(at: float, end: float) -> float:
    return _LEFT + _WIDTH * at / end


def _step(end: float) -> float:
    """A round time, so that there are about six of them."""
    rounds: Sequence[float] = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400)
    return next((each for each in rounds if end / each <= _TICKS + 2), 86_400 * max(1, round(end / 86_400 / _TICKS)))


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02}"


def _cut(text: str, most: int = 110) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _safe(text: str) -> str:
    return escape("".join(each for each in text if each.isprintable()))
