"""CloudEvents in and out: strict decoding to typed facts, canonical encoding, content hash.

The same functions serve the intake (what is unknown is dropped and named) and the fold (what does not
decode is a dead letter), so that nothing can enter that cannot be folded.
"""

import re
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from domain.errors import InvalidEvent, InvalidInput, NewerEvent
from domain.event_data import Data
from domain.event_types import EVENT_TYPES, EventType
from domain.instants import Millis, format_rfc3339, parse_rfc3339, to_millis
from domain.nesting import MAX_EVENT_DEPTH, too_deep

EARLIEST: Millis = parse_rfc3339("1970-01-02T00:00:00Z")
LATEST: Millis = parse_rfc3339("2200-01-01T00:00:00Z")
MAX_EVENT_BYTES = 128 * 1024
_MAX_NAME = 128
_MAX_VERSION = 999


class Envelope(Struct, frozen=True, gc=False):
    """A CloudEvent as it stands on the wire; `data` is decoded by its type."""

    id: str
    source: str
    type: str
    time: str
    subject: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    specversion: str = "1.0"
    recordedtime: str | None = None
    dataversion: int | str = 1
    causationid: str | None = None


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """A decoded event. `occurred_at` is the source's claim, `recorded_at` the edge's stamp or None; `body`
    is the canonical JSON of its data (allow-listed fields, fixed order), `hash` 16 bytes over its content
    without the time of recording."""

    id: str
    source: str
    type: str
    subject: str
    occurred_at: Millis
    recorded_at: Millis | None
    data: Data
    body: bytes
    hash: bytes
    causation_id: str | None = None

    @property
    def kind(self) -> str:
        """The kind of its subject: 'dossier', 'petition', 'procedure' …"""
        return EVENT_TYPES[self.type].kind


_envelope = msgspec.json.Decoder(Envelope)
_data_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(t.data) for name, t in EVENT_TYPES.items()
}
_encode = msgspec.json.Encoder(order=None).encode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError)
_PATH = " - at `$"
_FIELD = re.compile(r"[a-z_.]+")
_QUOTED = re.compile(r"(?:^|(?<=\s))(['\"]).*\1(?=\W|$)", re.DOTALL)


def decode_event(raw: bytes | msgspec.Raw) -> Event:
    """One CloudEvent from its JSON bytes.

    Raises InvalidEvent with the field at fault, or NewerEvent for a `dataversion` this code does not know.
    """
    raw = bytes(raw)
    if len(raw) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event is larger than {MAX_EVENT_BYTES // 1024} KiB: split it")
    if too_deep(raw, MAX_EVENT_DEPTH):
        raise InvalidEvent(f"the event nests deeper than {MAX_EVENT_DEPTH} levels")
    try:
        envelope = _envelope.decode(raw)
    except _UNREADABLE as error:
        raise _invalid(error, "") from error
    return from_envelope(envelope)


def from_envelope(envelope: Envelope) -> Event:
    """The typed event of a decoded envelope; errors as `decode_event`."""
    event_type = EVENT_TYPES.get(envelope.type)
    if event_type is None:
        raise InvalidEvent("this is not an event type; the list is in docs/events.md", "type")
    id, source, subject = envelope.id, envelope.source, envelope.subject
    if not (0 < len(id) <= _MAX_NAME and id.isprintable()):
        raise _bad_name(id, "id")
    if not (0 < len(source) <= _MAX_NAME and source.isprintable()):
        raise _bad_name(source, "source")
    if not (0 < len(subject) <= _MAX_NAME and subject.isprintable()):
        raise _bad_name(subject, "subject")
    if envelope.specversion != "1.0":
        raise InvalidEvent("only CloudEvents 1.0 are understood", "specversion")
    occurred_at = _time(envelope.time, "time")
    recorded_at = None if envelope.recordedtime is None else _time(envelope.recordedtime, "recordedtime")
    version = _version(envelope.dataversion) if envelope.dataversion != 1 else 1
    data = _decode_data(event_type, version, envelope.data)
    try:
        body = _encode(data)
    except (OverflowError, ValueError, RecursionError) as error:
        raise InvalidEvent("a number is larger than 64 bits hold", "data") from error
    if b"\\u00" in body:
        raise InvalidEvent("control characters are not allowed in values", "data")
    said = f"{event_type.name}\0{subject}\0{occurred_at}\0".encode() + body
    digest = blake2b(said, digest_size=16).digest()
    return Event(
        id=id,
        source=source,
        type=event_type.name,
        subject=subject,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        data=data,
        body=body,
        hash=digest,
        causation_id=envelope.causationid,
    )


def decode_data(event_type: str, body: bytes) -> Data:
    """The data of a stored fact, which was decoded once already: trusted."""
    data: Data = _data_decoders[event_type].decode(body)
    return data


def _decode_data(event_type: EventType, version: int, raw: msgspec.Raw) -> Data:
    if version > event_type.version:
        raise NewerEvent(f"{event_type.name} has dataversion {version}; this release knows {event_type.version}")
    try:
        if version == event_type.version:
            data: Data = _data_decoders[event_type.name].decode(raw)
        else:
            old = msgspec.json.decode(raw, type=dict[str, Any])
            data = msgspec.convert(upcast(event_type, version, old), event_type.data)
    except _UNREADABLE as error:
        raise _invalid(error, "data") from error
    return data


def _version(given: int | str) -> int:
    """A dataversion; what no release will ever have is invalid rather than newer."""
    if isinstance(given, str):
        if not (given.isascii() and given.isdecimal() and len(given) <= 3):
            raise InvalidEvent(f"must be a whole number from 1 to {_MAX_VERSION}", "dataversion")
        given = int(given)
    if not 1 <= given <= _MAX_VERSION:
        raise InvalidEvent(f"must be a whole number from 1 to {_MAX_VERSION}", "dataversion")
    return given


def upcast(event_type: EventType, version: int, data: dict[str, Any]) -> dict[str, Any]:
    """Old data brought to the present version, one total step at a time."""
    for step in range(version, event_type.version):
        data = event_type.upcasters[step](data)
    return data


def encode_event(event: Event) -> bytes:
    """The event as the log keeps it: fixed field order, UTC milliseconds, allow-listed data."""
    wire: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": format_rfc3339(event.occurred_at),
        "subject": event.subject,
    }
    if event.recorded_at is not None:
        wire["recordedtime"] = format_rfc3339(event.recorded_at)
    if EVENT_TYPES[event.type].version != 1:
        wire["dataversion"] = EVENT_TYPES[event.type].version
    if event.causation_id is not None:
        wire["causationid"] = event.causation_id
    wire["data"] = msgspec.Raw(event.body)
    return _encode(wire)


def make_event(
    event_type: str,
    subject: str,
    occurred_at: Millis,
    data: dict[str, Any],
    *,
    source: str,
    id: str,
    recorded_at: Millis | None = None,
    causation_id: str | None = None,
) -> Event:
    """An event from plain values, through the same strict decoding as one from outside."""
    wire: dict[str, Any] = {
        "id": id,
        "source": source,
        "type": event_type,
        "time": format_rfc3339(occurred_at),
        "subject": subject,
        "data": data,
    }
    if recorded_at is not None:
        wire["recordedtime"] = format_rfc3339(recorded_at)
    if causation_id is not None:
        wire["causationid"] = causation_id
    return decode_event(_encode(wire))


def encode_made(
    event_type: str,
    subject: str,
    occurred_at: Millis,
    data: Data,
    *,
    source: str,
    id: str,
    recorded_at: Millis,
) -> bytes:
    """The bytes of `encode_event(make_event(…))` without the way through a decoder (a fifth of the time), for our
    own acts by the hundred thousand: their values stood in events that were decoded once already."""
    wire: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event_type,
        "time": format_rfc3339(occurred_at),
        "subject": subject,
        "recordedtime": format_rfc3339(recorded_at),
        "data": data,
    }
    return _encode(wire)


def unknown_fields(raw: dict[str, Any]) -> tuple[str, ...]:
    """Names of the fields that the allow-list drops from an event given as a dict, sorted; names only,
    for their values may be personal."""
    known = set(Envelope.__struct_fields__) | {"datacontenttype", "dataschema"}
    dropped = {key for key in raw if key not in known}
    event_type = EVENT_TYPES.get(str(raw.get("type")))
    data = raw.get("data")
    if event_type is not None and isinstance(data, dict):
        allowed = set(event_type.data.__struct_encode_fields__)
        dropped |= {f"data.{key}" for key in data if key not in allowed}
    return tuple(sorted(dropped))


def _bad_name(value: str, field: str) -> InvalidEvent:
    if not value or len(value) > _MAX_NAME:
        return InvalidEvent(f"must have 1 to {_MAX_NAME} characters", field)
    return InvalidEvent("must not have control characters", field)


def _time(text: str, field: str) -> Millis:
    try:
        ms = to_millis(datetime.fromisoformat(text))
    except (ValueError, InvalidInput, OverflowError) as error:
        raise InvalidEvent("must be an RFC 3339 time such as 2026-08-03T09:12:00+07:00", field) from error
    if not EARLIEST <= ms < LATEST:
        raise InvalidEvent("the year is outside 1970 to 2199", field)
    return ms


def _invalid(error: Exception, prefix: str) -> InvalidEvent:
    """msgspec's message with its path as our dotted field; values that it quotes are left out."""
    if isinstance(error, RecursionError):
        return InvalidEvent("it nests too deep", prefix)
    if isinstance(error, UnicodeDecodeError):
        return InvalidEvent("it is not valid UTF-8", prefix)
    if isinstance(error, OverflowError):
        return InvalidEvent("a time or a number is out of range", prefix)
    text, _, path = str(error).rpartition(_PATH) if _PATH in str(error) else (str(error), "", "")
    name, colon, said = text.partition(": ")
    if not (colon and _FIELD.fullmatch(name)):  # `check_time` names the field that it speaks of
        name, said = "", text
    field = ".".join(part for part in (prefix, path.rstrip("`").lstrip("."), name) if part)
    return InvalidEvent(without_values(said), field)


def without_values(text: str) -> str:
    """A reason without what it quotes: dead letters are read by others than who sent the value."""
    return _QUOTED.sub("the value", text)
