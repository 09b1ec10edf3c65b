"""Tables that fit 100 columns, off a terminal as at one; text from clusters is made harmless first."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fleetkeeper.core.text import safe

WIDTH = 100
WIDEST = 250


def console(stderr: bool = False, wide: bool = False) -> Console:
    """A console no wider than 100 columns, unless wide; plain text off a terminal and with NO_COLOR.

    Rich alone would keep bold and dim under NO_COLOR, and write colours into a pipe where FORCE_COLOR is set.
    """
    stream = sys.stderr if stderr else sys.stdout
    at_terminal = stream.isatty()
    columns = shutil.get_terminal_size((WIDTH, 24)).columns if at_terminal else WIDTH
    return Console(
        stderr=stderr,
        width=WIDEST if wide else min(WIDTH, columns),
        color_system="auto" if at_terminal and not os.environ.get("NO_COLOR") else None,
        force_terminal=at_terminal,
        highlight=False,
        markup=False,
        emoji=False,
    )


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `most` cuts longer cells with an ellipsis, `wraps` lets a cell go on in the next line instead.

    Where a table is too wide, those that wrap give way first, then the longest of those that are cut.
    """

    header: str
    most: int = 0
    right: bool = False
    wraps: bool = False


_GAP = 2
_LEAST_WRAPPED = 18  # fits "self-managed," and a namespace
_LEAST_CUT = 9


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | Text]], width: int) -> Table:
    """A plain table: headers in capitals, no lines. Cells are made harmless; only a Text may carry a style."""
    cells = [[cell if isinstance(cell, Text) else Text(safe(cell, 200)) for cell in row] for row in rows]
    found = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column, fitted in zip(columns, _fitted(columns, cells, width), strict=True):
        found.add_column(
            column.header,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
            width=fitted,
        )
    for row in cells:
        found.add_row(*row)
    return found


def _fitted(columns: Sequence[Column], cells: Sequence[Sequence[Text]], width: int) -> list[int]:
    """The width of each column, in terminal cells, so that together they are no wider than the table may be."""
    widths = [
        min(max([cell_len(column.header), *(row[at].cell_len for row in cells)]), column.most or WIDEST)
        for at, column in enumerate(columns)
    ]
    for least, gives in ((_LEAST_WRAPPED, _wraps), (_LEAST_CUT, _is_cut), (_LEAST_CUT, _wraps)):
        while sum(widths) + _GAP * (len(widths) - 1) > width:
            wide = [at for at, column in enumerate(columns) if gives(column) and widths[at] > least]
            if not wide:
                break
            widths[max(wide, key=lambda at: widths[at])] -= 1
    return widths


def _wraps(column: Column) -> bool:
    return column.wraps


def _is_cut(column: Column) -> bool:
    return column.most > 0


def indented(text: str, style: str = "") -> Padding:
    return Padding(Text(safe(text, 1000), style), (0, 0, 0, 2))


def age(at: datetime | None, now: datetime) -> str:
    """`12 s`, `4 min`, `3 h`, `5 d`; `never` when there is none."""
    if at is None:
        return "never"
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def day(at: datetime | None) -> str:
    return at.date().isoformat() if at else "?"
