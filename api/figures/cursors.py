"""Where a list goes on: an opaque text that also carries the instant of the first page, so that pages agree."""

import base64
from typing import Any

import msgspec

from domain.errors import InvalidInput


def encode(**values: Any) -> str:
    """A cursor from plain values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def decode(cursor: str | None) -> dict[str, Any]:
    """Its values; none without a cursor, InvalidInput for one that is not ours."""
    if not cursor:
        return {}
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidInput("the cursor is not one that this list gave: leave it out to begin anew") from error
