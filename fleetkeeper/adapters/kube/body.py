"""Read a whole body without trusting its length: bytes are counted while they are decoded, so a bomb never swells."""

import threading
from typing import Protocol

# A third to a half of the standard library's time; docs/decisions/0005.
from isal.isal_zlib import IsalError, decompressobj

from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError

_CHUNK = 1 << 20
_PACKED_CHUNK = 1 << 14  # inflates to some 100 KiB, which malloc takes from memory that it has
_MEMORY = 8 << 20  # only what is written to is taken from the system
_MOST_KEPT = 2 * _MEMORY  # per thread

_GZIP = 31  # zlib's wbits for a gzip header and the largest window

_kept = threading.local()

Body = bytes | memoryview
"""A decoded body. A view is good until the same thread reads the next one: decode it at once."""


class Wire(Protocol):
    """The body as it comes over the wire; b"" at its end."""

    def read(self, amt: int) -> bytes: ...


def read_body(wire: Wire, encoding: str, limit: int, what: str) -> Body:
    """The decoded body, at most `limit` bytes of it; TOO_LARGE past that, InvalidAnswer when it is not what it says."""
    if encoding in ("", "identity"):
        return _plain(wire, limit, what)
    if encoding not in ("gzip", "x-gzip"):
        raise InvalidAnswer(f"{what}: the answer is encoded as {encoding[:40]!r}, which was not asked for")
    return _gunzipped(wire, limit, what)


def gunzip(packed: bytes, limit: int, what: str) -> Body:
    """The same for bytes in hand."""
    return _gunzipped(_InHand(packed), limit, what)


class _InHand:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, amt: int) -> bytes:
        taken, self._content = self._content[:amt], self._content[amt:]
        return taken


def _plain(wire: Wire, limit: int, what: str) -> bytes:
    chunks, size = [], 0
    while chunk := wire.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise too_large(what, limit)
    return b"".join(chunks)


def _gunzipped(wire: Wire, limit: int, what: str) -> Body:
    try:
        return _inflated(wire, limit, what)
    except IsalError as e:  # type: ignore[misc]  # isal declares it as a variable
        raise InvalidAnswer(f"{what}: this is not gzip: {e}") from e


def _inflated(wire: Wire, limit: int, what: str) -> Body:
    scratch, packed = _Scratch(), 0
    stream = decompressobj(_GZIP)
    while rest := wire.read(_PACKED_CHUNK):
        packed += len(rest)
        if packed > limit:  # empty blocks decode to nothing, for ever
            raise too_large(what, limit)
        while rest:
            if stream.eof:  # the next member of a multi-member file
                stream = decompressobj(_GZIP)
            scratch.append(stream.decompress(rest, limit - scratch.size + 1))
            if scratch.size > limit:
                raise too_large(what, limit)
            rest = stream.unconsumed_tail or stream.unused_data
    if not stream.eof:
        raise InvalidAnswer(f"{what}: the answer broke off inside its gzip")
    return scratch.body


class _Scratch:
    """Memory to inflate into that the thread keeps from one answer to the next.

    Fresh memory for each page of some MiB costs more page faults than the inflating itself.
    """

    def __init__(self) -> None:
        self._memory: bytearray = getattr(_kept, "memory", None) or bytearray(_MEMORY)
        self.size = 0

    def append(self, piece: bytes) -> None:
        end = self.size + len(piece)
        if end > len(self._memory):
            larger = bytearray(max(end, 2 * len(self._memory)))
            larger[: self.size] = memoryview(self._memory)[: self.size]
            self._memory = larger
        self._memory[self.size : end] = piece
        self.size = end

    @property
    def body(self) -> memoryview:
        if len(self._memory) <= _MOST_KEPT:
            _kept.memory = self._memory
        return memoryview(self._memory)[: self.size].toreadonly()


def too_large(what: str, limit: int) -> ReadError:
    return ReadError(f"{what}: the answer is larger than {_size(limit)}", GapReason.TOO_LARGE)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count} bytes"
