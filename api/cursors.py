"""Opaque cursors of keyset pages: the key of the last row, in a text that nobody takes apart."""

import base64
import binascii
from typing import Any

import msgspec

from domain.errors import InvalidInput


def encode_cursor(key: object) -> str:
    """A cursor from a key of plain values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(text: str, shape: tuple[type[Any], ...]) -> tuple[Any, ...]:
    """The key of a cursor that this route gave out, as values of these types; InvalidInput for anything else."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        key: tuple[Any, ...] = msgspec.json.decode(raw, type=tuple.__class_getitem__(shape), strict=True)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidInput("cursor: take `next` of the page before as it is, or leave it out") from error
    return key
