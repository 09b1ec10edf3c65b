"""A file's text as documents: its encoding, where documents begin, and texts too large to hold."""

import codecs
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

LARGE = 8 * 1024 * 1024
"""Bytes of a text or a document from which on it is read in blocks; one of a hundred megabytes is never held whole."""

_BLOCK = 1024 * 1024
_MARK = b"---"
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A stretch of a text in bytes. line is that of its first byte, from 1."""

    start: int
    size: int
    line: int


def as_utf8(stream: IO[bytes]) -> IO[bytes]:
    """A seekable stream of the same text in UTF-8, at its beginning; UnicodeError where it is no text in UTF-16 or 32.

    Pipes are copied, for a text may be read twice.
    """
    head = stream.read(4)
    encoding = _encoding(head)
    if encoding is None and stream.seekable():
        stream.seek(0)
        return stream
    copy: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=LARGE)  # noqa: SIM115  closed by who reads it
    decode = codecs.getincrementaldecoder(encoding)().decode if encoding else None
    try:
        block = head
        while block:
            copy.write(decode(block).encode() if decode else block)
            block = stream.read(_BLOCK)
        if decode:
            copy.write(decode(b"", final=True).encode())
    except (UnicodeError, OSError):
        copy.close()
        raise
    copy.seek(0)
    return copy


def _encoding(head: bytes) -> str | None:
    """That of a text not in UTF-8, by its mark, or by the zeros beside its first characters (YAML 1.2, 5.2)."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if len(head) == 4 and head[0] and not head[1] and head[2] and not head[3]:
        return "utf-16-le"
    if len(head) == 4 and not head[0] and head[1] and not head[2] and head[3]:
        return "utf-16-be"
    return None


def documents(text: IO[bytes]) -> Iterator[Document]:
    """The documents of a text, each from its `---` on. The text may be read elsewhere between two of them.

    A `---` at the left edge begins a document wherever it stands: neither quotes nor block scalars may hold one, and
    kubectl splits there before it parses. So one that is malformed spoils no other.
    """
    start, line, at, lines = 0, 1, 0, 1
    before, carry = b"\n", b""
    while block := _block_at(text, at + len(carry)):
        # What may be the beginning of a mark is looked at with the next block.
        block = carry + block
        keep = _unfinished(block)
        carry, block = block[len(block) - keep :], block[: len(block) - keep]
        for found in _marks(before, block + carry, len(block)):
            here = lines + _breaks(block[:found])
            if at + found > start:
                yield Document(start, at + found - start, line)
            start, line = at + found, here
        lines += _breaks(block)
        at += len(block)
        before = block[-1:] or before
    end = at + len(carry)
    if end > start:
        yield Document(start, end - start, line)


def _block_at(text: IO[bytes], position: int) -> bytes:
    text.seek(position)
    return text.read(_BLOCK)


def _unfinished(block: bytes) -> int:
    """How many bytes at the end may belong to a mark, or to a line break, that the next block goes on with."""
    tail = block[-5:]
    for size in range(len(tail), 0, -1):
        if tail[len(tail) - size] in b"\r\n":
            return size if size < len(block) else 0
    return 0


def _marks(before: bytes, block: bytes, end: int) -> Iterator[int]:
    at = block.find(_MARK)
    while 0 <= at < end:
        previous = block[at - 1 : at] if at else before
        after = block[at + 3 : at + 4]
        if previous in (b"\n", b"\r") and after in (b"", b" ", b"\t", b"\n", b"\r"):
            yield at
        at = block.find(_MARK, at + 3)


def _breaks(block: bytes) -> int:
    return block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")


class Range:
    """A document of a text as a stream of its own, for parsers that read block by block."""

    def __init__(self, text: IO[bytes], document: Document) -> None:
        self._text = text
        self._left = document.size
        text.seek(document.start)

    def read(self, size: int = -1) -> bytes:
        block = self._text.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block

    def blocks(self) -> Iterator[bytes]:
        while block := self.read(_BLOCK):
            yield block
