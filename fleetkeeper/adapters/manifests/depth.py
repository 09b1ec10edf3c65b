"""How deep brackets nest, for libyaml takes time with the square of that: a megabyte of `[` would take an hour."""

from itertools import accumulate

MOST = 5000
"""Levels; JSON parsers stop at about a thousand."""

_OPENING, _CLOSING = b"[{", b"]}"
_OTHERS = bytes(code for code in range(256) if code not in _OPENING + _CLOSING)
_STEPS = tuple(1 if code in _OPENING else -1 for code in range(256))


def may_be_deep(text: bytes) -> bool:
    """Whether it has brackets enough; most texts are let through by this alone.

    Twice as many brackets and nothing else still parse in 0.2 s, so that small texts need not be counted.
    """
    return len(text) > 2 * MOST and text.count(b"[") + text.count(b"{") > MOST


class Depth:
    """Fed with the blocks of a text in their order. Brackets in texts count too, which harms no real file."""

    def __init__(self) -> None:
        self._now = 0

    def passes(self, block: bytes) -> bool:
        """Whether no level past the most was reached."""
        level = self._now
        for level in accumulate(map(_STEPS.__getitem__, block.translate(None, _OTHERS)), initial=self._now):
            if level > MOST:
                return False
        self._now = level
        return True
