"""Values as canonical JSON and back, and digests of it: what is frozen, signed or exported is these bytes."""

import hashlib
import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


def to_json(value: object) -> str:
    """JSON of a value of our own: the same text for equal values, whatever the order of their mappings."""
    return to_json_bytes(value).decode()


def to_json_bytes(value: object) -> bytes:
    """As to_json, in UTF-8."""
    return _encoder.encode(value)


def decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    """The JSON decoder of a type, made once.

    By one thread at a time: msgspec (0.22) keeps what it knows of a type on the type, before it is complete, and a
    thread that decodes by what another has half made crashes the process (a NULL pointer in its _core).
    """
    found = _decoders.get(kind)
    if found is None:
        with _making:
            found = _decoders.get(kind) or msgspec.json.Decoder(kind)
            _decoders[kind] = found
    return found


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The value of a type from its JSON; ValueError when it is not one."""
    try:
        found: T = decoder_of(kind).decode(text)
        return found
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
