"""Which parts of the system are red now: the API's health over HTTP, and the notifier's own troubles."""

from collections.abc import Callable, Mapping

import httpx
import msgspec

PATIENCE_S = 5.0
_ALSO_AMBER = frozenset({"seal"})
"""Parts whose lateness is told before it is red."""


def red_parts(
    http: httpx.Client, address: Callable[[], str | None], own: Callable[[], Mapping[str, str]], key: str = ""
) -> dict[str, str]:
    """By part, why it is red; `api` when it does not answer. Without an address only our own troubles; without a
    key that may read, from another machine, only that something is red."""
    found = dict(own())
    where = address()
    if not where:
        return found
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = http.get(f"{where.rstrip('/')}/v1/health", timeout=PATIENCE_S, headers=headers)
        told = msgspec.json.decode(answer.content)
        whole = {"status": told["status"], "reasons": ["some part is red; give the notifier a key that may read"]}
        parts = told.get("parts", {"system": whole})
    except (httpx.HTTPError, msgspec.DecodeError, KeyError, TypeError) as error:
        return found | {"api": f"the API does not answer: {type(error).__name__}"}
    for name, part in parts.items():
        if part["status"] == "red" or (part["status"] == "amber" and name in _ALSO_AMBER):
            found[name] = "; ".join(part["reasons"])[:500]
    return found
