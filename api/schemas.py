"""JSON Schemas and the readable catalogue of every event type, made from the structs themselves.

`docs/events.md` is `markdown()`; a test holds it current.
"""

import inspect
from functools import lru_cache
from typing import Any

import msgspec

from domain.event_data import Data
from domain.event_types import EVENT_TYPES, EventType
from domain.events import MAX_EVENT_BYTES, Envelope

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ENVELOPE_NOTES = {
    "id": "unique within `source`; the same id with the same content again is harmless",
    "source": "who says so, such as `/h44/one-stop`; a key is bound to its sources",
    "type": "one of the types below",
    "time": "when it happened (RFC 3339 with offset, kept to the millisecond)",
    "subject": "the bare code of the dossier, petition, procedure, unit …",
    "data": "the fields of the type; anything else is dropped and named in the answer",
    "specversion": "`1.0`",
    "recordedtime": "when it reached us; the intake stamps it always",
    "dataversion": "version of the meaning of `data`",
    "causationid": "the id of the event that brought this one about",
}
_KIND_TITLES = {
    "dossier": "Dossiers",
    "petition": "Petitions",
    "procedure": "Procedures",
    "unit": "Units",
    "calendar": "Calendars",
    "target": "Targets",
    "indicator_set": "Indicator sets",
    "alert_rules": "Alert rules",
    "message_rules": "Message rules",
    "report": "Reports",
    "log": "The log itself",
    "alert": "Acts about alerts (alert-log)",
    "system": "Acts of the system (alert-log)",
}


@lru_cache(maxsize=1)
def schemas() -> dict[str, Any]:
    """`{"envelope": schema, "types": {type: {…, "schema": schema of data}}}`, self-contained."""
    types = {
        t.name: {
            "kind": t.kind,
            "dataversion": t.version,
            "broadcast": t.broadcast,
            "description": _doc(t.data),
            "schema": schema_of(t.data, f"data of {t.name}"),
        }
        for t in EVENT_TYPES.values()
    }
    return {"envelope": envelope_schema(), "types": types}


def envelope_schema() -> dict[str, Any]:
    """The schema of a CloudEvent as the intake takes it."""
    fields: list[Any] = [
        (f.name, dict[str, Any], msgspec.field(default_factory=dict))
        if f.name == "data"
        else (f.name, f.type)
        if f.required
        else (f.name, f.type, f.default)
        for f in msgspec.structs.fields(Envelope)
    ]
    wire = msgspec.defstruct("Envelope", fields)
    found = schema_of(wire, "A CloudEvent of Giám Sát 766")
    found["properties"]["type"] = {"enum": sorted(EVENT_TYPES)}
    for name, note in _ENVELOPE_NOTES.items():
        found["properties"][name]["description"] = note
    for name in ("time", "recordedtime"):
        found["properties"][name]["format"] = "date-time"
    return found


def schema_of(struct: type[msgspec.Struct], title: str) -> dict[str, Any]:
    """A JSON Schema with its definitions inside; unknown fields are allowed, for they are dropped."""
    (root,), definitions = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    name = root.pop("$ref").rsplit("/", 1)[1]
    body = definitions.pop(name)
    found = {"$schema": DIALECT, **body, "title": title}
    if definitions:
        found["$defs"] = definitions
    return found


def markdown() -> str:
    """The text of docs/events.md."""
    lines = [
        "# Events",
        "",
        "Made from the catalogue by `gs766 schemas --markdown`; do not edit. JSON Schemas: `GET /v1/schemas`.",
        "",
        "An event is a CloudEvent 1.0 in JSON, at most "
        f"{MAX_EVENT_BYTES // 1024} KiB. Its identity is (`source`, `id`); what it is about is (kind, `subject`).",
        "",
        "| field | must | |",
        "|---|---|---|",
    ]
    required = set(envelope_schema()["required"])
    lines += [
        f"| `{name}` | {'yes' if name in required else ''} | {note} |" for name, note in _ENVELOPE_NOTES.items()
    ]
    for kind, title in _KIND_TITLES.items():
        lines += ["", f"## {title}", ""]
        lines += _kind_lines([t for t in EVENT_TYPES.values() if t.kind == kind])
    return "\n".join(lines) + "\n"


def _kind_lines(types: list[EventType]) -> list[str]:
    """The types of one kind, those with the same data together."""
    lines: list[str] = []
    by_data: dict[type[Data], list[EventType]] = {}
    for t in types:
        by_data.setdefault(t.data, []).append(t)
    for data, group in by_data.items():
        names = ", ".join(f"`{t.name}`" for t in group)
        notes = " (broadcast: one copy to every partition)" if group[0].broadcast else ""
        lines += [f"### {names}{notes}", "", _doc(data), ""]
        lines += _field_lines(data)
    return lines[:-1]


def _field_lines(data: type[Data]) -> list[str]:
    schema = schema_of(data, data.__name__)
    properties = schema.get("properties", {})
    if not properties:
        return []
    required = set(schema.get("required", ()))
    lines = ["| field | must | value |", "|---|---|---|"]
    for name, found in properties.items():
        value = _words(found, schema.get("$defs", {}))
        lines.append(f"| `{name}` | {'yes' if name in required else ''} | {value} |")
    return [*lines, ""]


def _words(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        inner = definitions[schema["$ref"].rsplit("/", 1)[1]]
        fields = ", ".join(
            f"`{name}`: {_words(found, definitions)}" for name, found in inner.get("properties", {}).items()
        )
        return f"an object {{{fields}}}"
    if "anyOf" in schema:
        parts = [_words(part, definitions) for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(parts)
    if "enum" in schema:
        return " / ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    kind = schema.get("type")
    if kind == "array":
        return f"a list of {_words(schema.get('items', {}), definitions)}"
    if schema.get("format") == "date-time":
        return "a time with offset"
    if "pattern" in schema:
        return "a keyed hash `k…:…` made at the edge"
    if kind == "string":
        return f"text, at most {schema['maxLength']} characters" if "maxLength" in schema else "text"
    if kind == "integer":
        return "a whole number" + (f" from {schema['minimum']}" if "minimum" in schema else "")
    return {"boolean": "true or false", "number": "a number", "object": "an object"}.get(str(kind), "any value")


def _doc(struct: type[msgspec.Struct]) -> str:
    return " ".join((inspect.getdoc(struct) or "").split())
