"""Reference documents in files made into events: units, procedures, calendars, indicator sets, alert rules.

A file is TOML or JSON: CloudEvents as they are; or an indicator set or a calendar as it stands in the product;
or a set of targets; or tables `units`, `procedures`, `calendar`, `indicator_set`, `alert_rules`,
`message_rules`, `target`, `observations`. An event's id is the content's hash: publishing twice changes nothing.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from domain.errors import InvalidEvent, InvalidInput
from domain.event_data import Document
from domain.events import Event, make_event
from domain.indicator_documents import decode_set
from domain.instants import Zone, date_day, parse_rfc3339, to_millis
from domain.messages.rules import decode_rules
from domain.reference import check_document, check_thresholds
from domain.target_documents import decode_targets

SOURCE = "/gs766/publish"
EARLY = date(2000, 1, 1)
"""Since when a document holds that names no date: before any dossier."""
_DOCUMENTS = ("calendar", "indicator_set", "alert_rules", "message_rules", "target")
_TABLES = frozenset({"units", "procedures", "observations", *_DOCUMENTS})
_DESCRIBED = ("name", "field", "applied_by", "applicant_kinds", "returns_document", "parts", "target_group")
_PROCEDURE = frozenset(
    {*_DESCRIBED, "code", "from", "fee", "limit", "online_level", "payment_integrated_from", "announced_at"}
    | {"effective_at", "publicised_at", "model_dossier_at"}
)
_UNIT = frozenset({"code", "name", "kind", "parent", "from", "closed_at", "certified_copies_from"})


def events_of_file(path: Path, zone: Zone) -> tuple[Event, ...]:
    """The events of a file, checked; InvalidInput names the file and what is wrong in it."""
    try:
        return tuple(_checked(event, zone) for event in _events(_read(path), zone))
    except (InvalidInput, InvalidEvent) as error:
        raise InvalidInput(f"{path}: {error}") from error


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".toml":
            return tomllib.loads(text)
        if path.suffix in (".jsonl", ".ndjson"):
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return json.loads(text)
    except OSError as error:
        raise InvalidInput(f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InvalidInput(
            f"is not readable as {'TOML' if path.suffix == '.toml' else 'JSON'} ({error})"
        ) from error


def _events(document: Any, zone: Zone) -> Iterator[Event]:
    if isinstance(document, list):
        for item in document:
            yield from _events(item, zone)
        return
    if not isinstance(document, dict):
        raise InvalidInput("holds neither a document nor events")
    if {"type", "subject", "time"} <= set(document):
        yield _cloud_event(document)
    elif "indicators" in document or "inherits" in document:
        yield _document("indicator_set", document, zone)
    elif "targets" in document:
        yield _document("target", document, zone)
    elif {"holidays", "swap_days", "hours"} & set(document):
        yield _document("calendar", document, zone)
    else:
        yield from _tables(document, zone)


def _tables(document: Mapping[str, Any], zone: Zone) -> Iterator[Event]:
    unknown = sorted(set(document) - _TABLES)
    if unknown or not document:
        raise InvalidInput(f"has {', '.join(unknown) or 'nothing'}; known are {', '.join(sorted(_TABLES))}")
    for unit in document.get("units", ()):
        yield from _unit(unit, zone)
    for procedure in document.get("procedures", ()):
        yield from _procedure(procedure, zone)
    for observation in document.get("observations", ()):
        yield _observation(observation, zone)
    for kind in _DOCUMENTS:
        if kind in document:
            yield _document(kind, document[kind], zone)


def _unit(unit: Mapping[str, Any], zone: Zone) -> Iterator[Event]:
    code, since = _head("unit", unit, _UNIT, zone)
    data = {name: unit[name] for name in ("name", "kind", "parent") if name in unit}
    yield _event("unit.registered", code, since, data)
    for name, verb in (("certified_copies_from", "certified_copies_offered"), ("closed_at", "closed")):
        if name in unit:
            yield _event(f"unit.{verb}", code, _millis(unit[name], zone), {})


def _procedure(procedure: Mapping[str, Any], zone: Zone) -> Iterator[Event]:
    code, since = _head("procedure", procedure, _PROCEDURE, zone)
    data = {name: procedure[name] for name in _DESCRIBED if name in procedure}
    fee = procedure.get("fee")
    if fee is not None:
        data["fee"] = bool(fee)
    yield _event("procedure.described", code, since, data)
    if fee is not None and not isinstance(fee, bool):
        yield _event("procedure.fee_set", code, since, {"amount": fee})
    if "limit" in procedure:
        limit = procedure["limit"]
        yield _event("procedure.limit_set", code, since, limit if isinstance(limit, dict) else {"amount": limit})
    if "online_level" in procedure:
        yield _event("procedure.online_level_set", code, since, {"level": procedure["online_level"]})
    if "announced_at" in procedure:
        effective = {"effective_at": _iso(procedure["effective_at"], zone)} if "effective_at" in procedure else {}
        yield _event("procedure.announced", code, _millis(procedure["announced_at"], zone), effective)
    for name, verb in (
        ("publicised_at", "publicised"),
        ("payment_integrated_from", "payment_integrated"),
        ("model_dossier_at", "model_dossier_published"),
    ):
        if name in procedure:
            yield _event(f"procedure.{verb}", code, _millis(procedure[name], zone), {})


def _observation(row: Any, zone: Zone) -> Event:
    """A figure that the log cannot know: of which unit and period, from which document, recorded by whom."""
    known = {"unit", "period", "at", "document", "recorded_by", "figures"}
    if not isinstance(row, dict) or not {"unit", "period", "at", "document", "figures"} <= set(row) <= known:
        raise InvalidInput(
            "every observation is a table with unit, period, at, document, figures (and recorded_by)"
        )
    data = {name: row[name] for name in ("period", "document", "recorded_by", "figures") if name in row}
    return _event("unit.observation_recorded", str(row["unit"]), _millis(row["at"], zone), data)


def _head(kind: str, row: Any, known: frozenset[str], zone: Zone) -> tuple[str, int]:
    """The code of a row and since when it holds; InvalidInput for what is not known."""
    if not isinstance(row, dict) or not isinstance(row.get("code"), str):
        raise InvalidInput(f"every {kind} is a table with a code, in quotes")
    unknown = sorted(set(row) - known)
    if unknown:
        raise InvalidInput(f"{kind} {row['code']} has {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return row["code"], _millis(row.get("from", EARLY), zone)


def _document(kind: str, document: Mapping[str, Any], zone: Zone) -> Event:
    plain = _plain(document)
    data: dict[str, Any] = {"document": plain}
    if "version" in plain:
        data["version"] = str(plain["version"])
    for name in ("valid_from", "valid_to"):
        if name in document:
            data[name] = _iso(document[name], zone)
    subject = str(plain.get("name") or "default")
    return _event(f"{kind}.published", subject, _millis(document.get("valid_from", EARLY), zone), data)


def _cloud_event(wire: Mapping[str, Any]) -> Event:
    plain = _plain(wire)
    at = parse_rfc3339(str(plain["time"]))
    data = plain.get("data") or {}
    kind, subject = str(plain["type"]), str(plain["subject"])
    event_id = str(plain.get("id") or _identity(kind, subject, at, data))
    return make_event(kind, subject, at, data, source=str(plain.get("source") or SOURCE), id=event_id)


def _event(kind: str, subject: str, at: int, data: dict[str, Any]) -> Event:
    plain = _plain(data)
    return make_event(kind, subject, at, plain, source=SOURCE, id=_identity(kind, subject, at, plain))


def _identity(kind: str, subject: str, at: int, data: Any) -> str:
    content = json.dumps([kind, subject, at, data], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _checked(event: Event, zone: Zone) -> Event:
    if isinstance(event.data, Document) and event.kind == "indicator_set":
        decode_set(event.data.document)
    if isinstance(event.data, Document) and event.kind == "target":
        decode_targets(event.data.document)
    if isinstance(event.data, Document) and event.kind == "alert_rules":
        check_thresholds(event.data.document)
    if isinstance(event.data, Document) and event.kind == "message_rules":
        decode_rules(event.data.document)
    check_document(event, zone)
    return event


def _plain(value: Any) -> Any:
    """TOML's dates and times as JSON has them."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _millis(value: Any, zone: Zone) -> int:
    """A date (its first instant in the province) or a time; a time without an offset is the province's."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else value
        found = date.fromisoformat(found) if isinstance(found, str) else found
    except ValueError as error:
        raise InvalidInput(f"'{value}' is neither a date nor a time") from error
    if isinstance(found, datetime):
        return to_millis(found if found.tzinfo else found.replace(tzinfo=zone.info))
    if isinstance(found, date):
        return zone.midnight(date_day(found))
    raise InvalidInput(f"'{value}' is neither a date nor a time")


def _iso(value: Any, zone: Zone) -> str:
    return zone.local(_millis(value, zone)).isoformat()
