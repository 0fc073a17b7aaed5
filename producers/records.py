"""A whole record of a dossier as an event: its digest tells it from the one before, its id from all others."""

import hashlib
from typing import Any

import msgspec

from domain.instants import Millis, format_rfc3339
from producers.edge import Admitted, Edge

_encode = msgspec.json.Encoder(order="deterministic").encode
_PHASES = ("submitted_at", "accepted_at", "due_at", "finished_at", "returned_at", "rejected_at")
_OVER = frozenset({"rejected", "withdrawn", "stopped", "finished", "returned"})


def record_digest(edge: Edge, data: dict[str, Any], anchor: Millis) -> bytes:
    """16 bytes over what a record says. Links count by their presence, an officer by a keyed hash of the year of
    `anchor` (an instant of the dossier's own, so that the same record has the same digest next year)."""
    said: dict[str, Any] = {}
    for name, value in data.items():
        if name == "applicant":
            continue  # whether it is kept is a setting: a record is not another one for it
        if name == "officer":
            said[name] = edge.told_apart(value, anchor) or True
        elif name in ("components", "result_files"):
            said[name] = [{k: (True if k == "link" else v) for k, v in entry.items()} for entry in value]
        else:
            said[name] = value
    return hashlib.blake2b(_encode(said), digest_size=16).digest()


def record_event(
    edge: Edge, source: str, code: str, data: dict[str, Any], digest: bytes, at: Millis, received_at: Millis | None
) -> Admitted:
    """The event; InvalidEvent where a value is not what its field takes."""
    seed = _encode([source, code, digest.hex(), at])
    raw = {
        "id": hashlib.blake2b(seed, digest_size=16).hexdigest(),
        "source": source,
        "type": "dossier.snapshot_received",
        "time": format_rfc3339(at),
        "subject": code,
        "data": data,
    }
    return edge.admit(raw, received_at_ms=received_at)


def is_open(data: dict[str, Any]) -> bool:
    """Whether a record leaves something to do."""
    if (status := data.get("status")) is not None:
        return status not in _OVER
    return not (data.get("finished_at") or data.get("returned_at"))
