"""ETags of figures: from what an answer depends on, so that an unchanged one is not computed again."""

import hashlib
from collections.abc import Sequence

from fastapi import Request

from domain.instants import Millis

NOW_MS = 1_000
"""An answer at the running clock counts as unchanged within one second."""


def figure_tag(
    request: Request,
    *,
    generation: int,
    complete_to: Sequence[int],
    now: Millis,
    principal_units: Sequence[str],
    run: str = "",
) -> str:
    """A weak ETag: path, query, positions, the caller's units, and, unless the query fixes `as_of`, the second.

    `run` names this run of the server: another release may compute another answer from the same rows.
    """
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query_params.multi_items()))
    at = "" if "as_of" in request.query_params else str(now // NOW_MS)
    parts = (run, request.url.path, query, str(generation), ",".join(map(str, complete_to)), at, *principal_units)
    return f'W/"{hashlib.blake2b(chr(0).join(parts).encode(), digest_size=12).hexdigest()}"'


def matches(header: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the tag (weak comparison, RFC 9110 §13.1.2)."""
    if not header:
        return False
    bare = tag.removeprefix("W/")
    return any(part.strip() == "*" or part.strip().removeprefix("W/") == bare for part in header.split(","))
