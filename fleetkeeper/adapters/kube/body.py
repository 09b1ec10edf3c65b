"""Read a whole body without trusting its length: bytes are counted while they are decoded, so a bomb never swells."""

# The standard library's, on purpose: isal_zlib takes half the time (and 20 % off a whole list), but this is where
# bytes of a hostile server first meet C code.
import zlib
from typing import Protocol

from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError

_CHUNK = 64 << 10


class Wire(Protocol):
    """The body as it comes over the wire; b"" at its end."""

    def read(self, amt: int) -> bytes: ...


def read_body(wire: Wire, encoding: str, limit: int, what: str) -> bytes:
    """The decoded body, at most `limit` bytes of it; TOO_LARGE past that, InvalidAnswer when it is not what it says."""
    if encoding in ("", "identity"):
        return _plain(wire, limit, what)
    if encoding not in ("gzip", "x-gzip"):
        raise InvalidAnswer(f"{what}: the answer is encoded as {encoding[:40]!r}, which was not asked for")
    return _gunzipped(wire, limit, what)


def gunzip(packed: bytes, limit: int, what: str) -> bytes:
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


def _gunzipped(wire: Wire, limit: int, what: str) -> bytes:
    try:
        return _inflated(wire, limit, what)
    except zlib.error as e:
        raise InvalidAnswer(f"{what}: this is not gzip: {e}") from e


def _inflated(wire: Wire, limit: int, what: str) -> bytes:
    chunks, size, packed = [], 0, 0
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while rest := wire.read(_CHUNK):
        packed += len(rest)
        if packed > limit:  # empty blocks decode to nothing, for ever
            raise too_large(what, limit)
        while rest:
            if stream.eof:  # the next member of a multi-member file
                stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
            chunks.append(stream.decompress(rest, limit - size + 1))
            size += len(chunks[-1])
            if size > limit:
                raise too_large(what, limit)
            rest = stream.unconsumed_tail or stream.unused_data
    if not stream.eof:
        raise InvalidAnswer(f"{what}: the answer broke off inside its gzip")
    return b"".join(chunks)


def too_large(what: str, limit: int) -> ReadError:
    return ReadError(f"{what}: the answer is larger than {_size(limit)}", GapReason.TOO_LARGE)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count} bytes"
