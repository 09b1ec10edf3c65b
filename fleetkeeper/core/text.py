"""Text from a cluster made harmless to show: a name may carry terminal commands, bidi tricks or line breaks."""

import unicodedata

# Control, format (bidi overrides, zero-width), surrogate, private, unassigned, and the two line separators.
_HOSTILE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
# Letters and marks that draw nothing: combining grapheme joiner, Hangul and Khmer fillers, Mongolian and other
# variation selectors, the blank Braille cell.
_BLANK = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}).union(
    range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)
)
# Real writing stacks up to three marks on a letter (Vietnamese two, Hebrew three); a tower of them covers other lines.
_MARK_STACK = 3
ELLIPSIS = "…"


def safe(text: str, limit: int) -> str:
    """The text with everything that a terminal would obey or hide spelled out like \\x1b, cut to limit characters.

    A cut shows as … and never splits a spelled-out character. Safe text is given back as it is, so that a text may
    pass here twice; for that reason a backslash that was there before stays one backslash.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    width = marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in _MARKS else 0
        stray = marks > _MARK_STACK or (marks and not shown)
        piece = _spelled(char) if stray or _is_hostile(char) else char
        shown.append(piece)
        width += len(piece)
        if width > limit:
            return _cut(shown, limit)
    return "".join(shown)


def _is_hostile(char: str) -> bool:
    return unicodedata.category(char) in _HOSTILE or ord(char) in _BLANK


def _spelled(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cut(shown: list[str], limit: int) -> str:
    """Drop whole pieces from the end until the ellipsis fits; a limit below one leaves nothing to say."""
    width = sum(map(len, shown))
    while shown and width > limit - len(ELLIPSIS):
        width -= len(shown.pop())
    return "".join(shown) + ELLIPSIS if limit >= 1 else ""
