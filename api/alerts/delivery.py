"""Delivery of one alert to one webhook: the message, its signature, and the key that makes a repeat harmless."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec

from api.alerts.private import Webhook

TIMEOUT_S = 10.0
SIGNATURE = "X-GS766-Signature"


def delivery_key(alert: str, webhook: str) -> str:
    """Deterministic: the same alert to the same subscriber has the same key after any restart or rebuild."""
    return hashlib.sha256(f"{alert}|{webhook}".encode()).hexdigest()[:32]


def body_of(alert: Mapping[str, Any], *, attempt: int, retried: bool) -> bytes:
    """The message; `retried` is true where an earlier attempt may have arrived although no answer came."""
    return msgspec.json.encode({"alert": alert, "attempt": attempt, "retried": retried})


def list_of(alerts: Sequence[tuple[Mapping[str, Any], str, bool]], *, attempt: int) -> bytes:
    """The message to a subscriber who takes several at once: (alert, its key, whether it may have come before)."""
    listed = [{"alert": alert, "key": key, "retried": retried} for alert, key, retried in alerts]
    return msgspec.json.encode(
        {"alerts": listed, "attempt": attempt, "retried": any(retried for _, _, retried in alerts)}
    )


def key_of(keys: Sequence[str]) -> str:
    """The key of a message: of one alert its own, of several one made of theirs."""
    return keys[0] if len(keys) == 1 else hashlib.sha256("|".join(keys).encode()).hexdigest()[:32]


def sign(secret: str, body: bytes) -> str:
    """`sha256=` and the hex HMAC of the body under the subscription's secret."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(client: httpx.Client, hook: Webhook, key: str, body: bytes) -> str | None:
    """Sends; None when the far side took it (any 2xx), else why not."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, SIGNATURE: sign(hook.secret, body)}
    try:
        answer = client.post(hook.url, content=body, headers=headers, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return None if answer.is_success else f"HTTP {answer.status_code}"
