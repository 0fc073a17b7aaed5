"""What proves that a message came: receipts of gateways (`delivered`) and links that people open (`opened`).

Each becomes an act about every alert that the message told of, once: what is repeated adds nothing to the log.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import msgspec

from api.access import Principal
from api.alerts.delivery_settings import Delivery, Receipt
from api.alerts.gateway import dotted
from api.alerts.outcomes import PERMANENT
from api.alerts.sent import Sent, SentStore
from api.problems import NotFound, Problem
from api.services import Services
from domain.errors import InvalidInput
from domain.events import encode_event, make_event
from domain.instants import Millis

SOURCE = "/gs766/proofs"
SIGNATURE, TIMESTAMP = "X-GS766-Signature", "X-GS766-Timestamp"
WINDOW_MS = 300_000
"""A receipt signed longer ago (or ahead) is a replay."""


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt that was signed rightly."""

    key: str
    channel: str
    status: Literal["delivered", "failed", "other"]


def checked_receipt(
    delivery: Delivery, gateway: str, body: bytes, headers: Mapping[str, str], now: Millis
) -> Told:
    """A gateway's receipt. Problem 401 for a wrong or old signature, 404 where the gateway gives none."""
    known = delivery.gateways.get(gateway)
    receipt = known.receipt if known is not None else None
    if receipt is None:
        raise NotFound(f"there are no receipts of '{gateway[:20]}' here: the delivery settings name none")
    _check_signature(delivery.secret(receipt.secret_file), body, headers, now)
    try:
        said = msgspec.json.decode(body)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"a receipt is JSON: {error}") from error
    key, _, channel = str(dotted(said, receipt.id) or "").rpartition(".")
    if not key or channel.partition("-")[0] != gateway:
        raise InvalidInput(f"{receipt.id}: not the id of a message that was sent here")
    return Told(key, channel, _status(receipt, dotted(said, receipt.status)))


def _check_signature(secret: str, body: bytes, headers: Mapping[str, str], now: Millis) -> None:
    stamp, given = headers.get(TIMESTAMP.lower(), ""), headers.get(SIGNATURE.lower(), "")
    wanted = "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest()
    fresh = stamp.isascii() and stamp.isdigit() and abs(int(stamp[:12]) * 1000 - now) <= WINDOW_MS
    if not secret or not fresh or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Problem("no-key", f"{SIGNATURE} is not that of this body at this time")


def _status(receipt: Receipt, said: Any) -> Literal["delivered", "failed", "other"]:
    if str(said) in map(str, receipt.delivered):
        return "delivered"
    return "failed" if str(said) in map(str, receipt.failed) else "other"


def record_receipt(services: Services, store: SentStore, told: Told) -> bool:
    """Writes `delivered` where it is news; a failure is kept for health. Returns whether anything was new."""
    sent = store.message(told.key)
    if sent is None or not store.delivered(told.key, told.channel):
        raise NotFound("no such message was sent on this channel")
    if told.status == "other":
        return False
    now = services.wall()
    if told.status == "failed":
        store.fail(told.key, told.channel, f"{PERMANENT}the gateway reports that it did not arrive", now)
        return True
    data = {"channel": told.channel, "actor": f"gateway:{told.channel.partition('-')[0]}"}
    return _prove(services, store, sent, "delivered", f"delivered {told.channel}", data, now)


def record_opened(services: Services, store: SentStore, sent: Sent, who: Principal) -> bool:
    """Writes that the holder of a key opened a message; what its account was stands beside it."""
    return _prove(services, store, sent, "opened", f"opened {who.key_id}", {"actor": who.key_id}, services.wall())


def _prove(
    services: Services, store: SentStore, sent: Sent, verb: str, proof: str, data: dict[str, Any], now: Millis
) -> bool:
    if store.proven(sent.key, proof):
        return False
    data = data | {"unit": sent.unit, "key": sent.key, "evidence": {"account": sent.account}}
    events = [
        make_event(
            f"alert.{verb}", alert, now, data, source=SOURCE, id=f"{proof}/{sent.key}/{alert}", recorded_at=now
        )
        for alert in sent.alerts
    ]
    if events:
        pairs = [(event.subject, encode_event(event)) for event in events]
        services.log.submit(pairs, topic=services.config.kafka.alerts, partition=0).result()
    store.prove(sent.key, proof, now)
    return True
