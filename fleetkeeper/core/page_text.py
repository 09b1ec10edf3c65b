"""Lines of pages that people read in a terminal: no wider than it, and harmless whatever a cluster's name is."""

from textwrap import wrap

from fleetkeeper.core.text import safe

WIDTH = 100
_LONGEST = 1000


def filled(text: str, first: str = "", rest: str = "") -> list[str]:
    """Lines no wider than the page; text from clusters is made harmless."""
    clean = safe(text, _LONGEST)
    return wrap(clean, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first.rstrip()]
