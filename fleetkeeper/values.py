"""Values as canonical JSON and back, and digests of it: what is frozen, signed or exported is these bytes."""

import hashlib
from typing import TypeVar

import msgspec

T = TypeVar("T")

_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: dict[type, msgspec.json.Decoder[object]] = {}


def to_json(value: object) -> str:
    """JSON of a value of our own: the same text for equal values, whatever the order of their mappings."""
    return _encoder.encode(value).decode()


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The value of a type from its JSON; ValueError when it is not one."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        return decoder.decode(text)  # type: ignore[return-value]
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
