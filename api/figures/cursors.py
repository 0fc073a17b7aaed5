"""Where a list goes on: an opaque text that also carries the instant of the first page, so that pages agree."""

import base64
from typing import Any

import msgspec

from domain.errors import InvalidInput


def encode(**values: Any) -> str:
    """A cursor from plain values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def decode(cursor: str | None, **fields: type) -> dict[str, Any]:
    """Its values, which must be exactly these; none without a cursor, InvalidInput for one of another list."""
    if not cursor:
        return {}
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        found = msgspec.json.decode(raw, type=dict[str, Any])
    except (ValueError, msgspec.DecodeError) as error:
        raise _strange() from error
    if {name: type(value) for name, value in found.items()} != fields:
        raise _strange()
    return found


def _strange() -> InvalidInput:
    return InvalidInput("the cursor is not one that this list gave: leave it out to begin anew")
