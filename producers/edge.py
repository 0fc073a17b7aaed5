"""The edge of the system: what comes in is cut down to the allow-list, identifiers are hashed, then decoded.

HTTP intake and importers use the same function, so nothing enters the log by one door that the other would
have stopped. Names of dropped fields are given back; their values never leave this file.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from domain.errors import InvalidEvent, InvalidInput
from domain.events import EARLIEST, LATEST, MAX_EVENT_BYTES, Event, decode_event, encode_event, unknown_fields
from domain.instants import Millis, format_rfc3339, parse_rfc3339
from producers.keys import KEYED, IdentifierKeys

INTERNAL_KINDS = frozenset({"alert", "system", "log"})
"""Kinds that only this system itself writes."""
LISTS_WITH_LINKS = ("result_files", "components")
_MAX_NAMES = 50
_MAX_NAME = 64
_decode = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Admitted:
    """An event that may enter the log: decoded, its canonical bytes, and the names of what was dropped."""

    event: Event
    dropped: tuple[str, ...]

    @property
    def encoded(self) -> bytes:
        """The canonical bytes, made when asked for."""
        return encode_event(self.event)


class Edge:
    """The one way in. Without keys, identifiers are dropped (and named) instead of hashed; those of applicants
    also where no decision allows that dossiers of one person be linked (`applicants`)."""

    def __init__(self, keys: IdentifierKeys | None, *, applicants: bool = False) -> None:
        self._keys = keys
        self.applicants = applicants and keys is not None

    def admit(self, raw: dict[str, Any] | bytes, *, received_at_ms: Millis | None) -> Admitted:
        """One CloudEvent, as bytes or a decoded object (which is not changed).

        `received_at_ms` replaces any `recordedtime` (HTTP: the source cannot date its own reception); None
        keeps what the source says (imports). Raises InvalidEvent, or NewerEvent, and nothing else.
        """
        event = _object(raw)
        kind = str(event.get("type")).partition(".")[0]
        if kind in INTERNAL_KINDS:
            raise InvalidEvent("events of this kind are written by the system itself", "type")
        dropped = list(unknown_fields(event))
        data = event.get("data")
        if isinstance(data, dict):
            event = {**event, "data": self._hashed(data, event.get("time"), dropped)}
        if received_at_ms is not None:
            event = {**event, "recordedtime": format_rfc3339(received_at_ms)}
        decoded = decode_event(_bytes(event))
        names = sorted({name[:_MAX_NAME] for name in dropped})[:_MAX_NAMES]
        return Admitted(decoded, tuple(names))

    def told_apart(self, officer: object, at: Millis) -> str:
        """What tells an officer from another inside an event's id; '' without one, or without keys."""
        text = "" if officer is None else str(officer)
        if KEYED.match(text):
            return text
        if self._keys is None or not text.strip() or not EARLIEST <= at < LATEST - 86_400_000:
            return ""
        return self._keys.told_apart(text, at, purpose="officer")

    def opened(self, keyed: str, across: str) -> str | None:
        """An applicant's hash of the year before (`IdentifierKeys.opened`); None where none are linked."""
        return self._keys.opened(keyed, across) if self._keys is not None and self.applicants else None

    def _hashed(self, data: dict[str, Any], time: object, dropped: list[str]) -> dict[str, Any]:
        """`data` with officers, applicants and file links as keyed hashes; what cannot be hashed is dropped and
        named."""
        clean = dict(data)
        applicant = clean.get("applicant")
        for name in ("applicant", "applicant_before"):
            kept = self.applicants and (name == "applicant" or KEYED.match(str(clean.get(name))))
            if not kept and clean.pop(name, None) is not None:
                dropped.append(f"data.{name}")
        for name in ("officer", "applicant"):
            person = clean.get(name)
            if isinstance(person, str | int) and not (isinstance(person, str) and KEYED.match(person)):
                hashed = self._hash(str(person), time, name)
                if hashed:
                    clean[name] = hashed
                else:
                    del clean[name]
                    dropped.append(f"data.{name}")
        if clean.get("applicant") not in (None, applicant):
            across = self._across(str(applicant), time, str(clean["applicant"]))
            if across is not None:
                clean["applicant_before"] = across
        for name in LISTS_WITH_LINKS:
            if isinstance(clean.get(name), list | tuple):
                clean[name] = [self._entry(name, entry, time, dropped) for entry in clean[name]]
        return clean

    def _entry(self, name: str, entry: Any, time: object, dropped: list[str]) -> Any:
        """One result file or component: its link becomes a hash, its presence stays."""
        if not isinstance(entry, dict):
            return entry
        known = _ENTRY_FIELDS[name]
        dropped += [f"data.{name}.{key}" for key in entry if key not in known and key != "link"]
        clean = {key: value for key, value in entry.items() if key in known}
        link = entry.get("link")
        if isinstance(link, str) and link.strip():
            hashed = None if "hash" in clean else self._hash(link, time, "link")
            if hashed:
                clean["hash"] = hashed
            else:
                dropped.append(f"data.{name}.link")
        return clean

    def _hash(self, value: str, time: object, purpose: str) -> str | None:
        at = _instant(time)
        if self._keys is None or not value.strip() or at is None:
            return None
        return self._keys.keyed(value, at, purpose=purpose)

    def _across(self, applicant: str, time: object, keyed: str) -> str | None:
        """What lets an applicant's dossiers of two years meet across New Year, while both years' keys live."""
        at = _instant(time)
        if self._keys is None or at is None:
            return None
        return self._keys.across(applicant, at, keyed, purpose="applicant")


def _instant(time: object) -> Millis | None:
    """An event's time; None where decoding will name it as bad: no key is made for a year that cannot be."""
    try:
        at = parse_rfc3339(str(time))
    except (InvalidInput, OverflowError):
        return None
    return at if EARLIEST <= at < LATEST - 86_400_000 else None


_ENTRY_FIELDS = {
    "result_files": frozenset({"electronic", "signed", "hash"}),
    "components": frozenset({"code", "digitised", "reused", "from_store", "replaced_by", "hash"}),
}


def _object(raw: dict[str, Any] | bytes) -> dict[str, Any]:
    if isinstance(raw, dict):
        return raw
    if len(raw) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event is larger than {MAX_EVENT_BYTES // 1024} KiB: split it")
    try:
        return _decode.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent(f"this is not a JSON object: {str(error).partition(' - at')[0]}") from error


def _bytes(event: dict[str, Any]) -> bytes:
    try:
        return _encode(event)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidEvent("the event holds a value that JSON cannot carry") from error
