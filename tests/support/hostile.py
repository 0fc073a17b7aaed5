"""Hostile input: events bent in every way that a broken or a malicious source may find, and plain garbage."""

import json
import random
from typing import Any

from hypothesis import strategies as st

from domain.event_types import EVENT_TYPES

TIMES = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "1899-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z",
    "1970-01-02T00:00:00Z",
    "1970-01-02T00:00:00+23:59",
    "2026-08-03T09:12:00+07:00",
    "2026-08-03T09:12:00",
    "2026-02-30T00:00:00Z",
    "2199-12-31T23:59:59.999Z",
    "2199-12-31T23:59:59-23:59",
    "2200-01-01T00:00:00Z",
    "2299-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999-23:59",
    "99999-01-01T00:00:00Z",
)
DOCUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"name": "x"},
    {"name": "x", "weekend": [0, 1, 2, 3, 4, 5], "hours": [["00:00", "00:01"]]},
    {"name": "x", "weekend": [0, 1, 2, 3, 4, 5, 6]},
    {"name": "x", "hours": [["07:00", "24:00"]], "zone": "America/St_Johns"},
    {"name": "x", "hours": [["9" * 5000 + ":00", "11:30"]]},
    {"name": "x", "hours": [["²:00", "11:30"]]},
    {"name": "x", "zone": "../../etc/passwd"},
    {"name": "x", "zone": "\u0000"},
    {"name": "x", "zone": "x" * 5000},
    {"name": "x", "holidays": ["0001-01-01", "9999-12-31"], "swap_days": ["0001-01-01", "9999-12-31"]},
    {"due_soon_working_days": 10**9},
    {"due_soon_working_days": 0},
    {"forgotten_working_days": 250, "acceptance_hours": 240, "acceptance_warning_hours": 0},
    {"acceptance_hours": 1, "acceptance_warning_hours": 240},
    {"acceptance_hours": 10**18},
    {"inherits": "766-2023", "groups": 5},
    {"name": 10**400},
)
CODES = (
    "H44.100",
    "H44.100-1",
    "",
    "x" * 128,
    "x" * 129,
    "a\u0000b",
    "đ" * 128,
    "'; DROP TABLE dossiers --",
    "?",
    "\\",
)
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**53,
    2**63,
    2**64,
    10**30,
    1e308,
    "",
    "x",
    "\u202e",
    [],
    {},
    [[]],
    [None],
)


def _data_values(name: str) -> st.SearchStrategy[Any]:
    if name == "document":
        return st.sampled_from(DOCUMENTS)
    if name in ("unit", "procedure", "subject"):
        return st.sampled_from(CODES)
    if name == "amount":
        return st.sampled_from((0, 1, 250, 9_999, 10_000, 10_001, -1, 2**70))
    if name == "supplements":
        pause = {"requested_at": st.sampled_from(TIMES), "received_at": st.sampled_from(TIMES)}
        return st.lists(st.fixed_dictionaries({}, optional=pause), max_size=3)
    if name in ("components", "result_files"):
        return st.lists(st.fixed_dictionaries({}, optional={"signed": st.booleans()}), max_size=3)
    if name == "channel":
        return st.just("online")
    if name == "amounts":
        return st.lists(st.integers(0, 2**53), max_size=3)
    return st.one_of(st.sampled_from(TIMES), st.sampled_from(ODD), st.sampled_from(CODES))


@st.composite
def bent_events(draw: st.DrawFn, subjects: tuple[str, ...] = ("A",)) -> dict[str, Any]:
    """An event of any type whose fields hold mostly what they should, now and then what they never should."""
    event_type = draw(st.sampled_from(sorted(EVENT_TYPES)))
    fields = EVENT_TYPES[event_type].data.__struct_encode_fields__
    data = {name: draw(_data_values(name)) for name in fields if draw(st.booleans())}
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": draw(st.sampled_from(("1", "2", "3"))),
        "source": "/s",
        "type": event_type,
        "time": draw(st.sampled_from(TIMES[4:11])),
        "subject": draw(st.sampled_from(subjects)),
        "data": data,
    }
    for name in draw(st.lists(st.sampled_from(sorted(event)), max_size=1)):
        event[name] = draw(st.one_of(st.sampled_from(ODD), st.sampled_from(CODES)))
    if draw(st.integers(0, 9)) == 0:
        event["recordedtime"] = draw(st.sampled_from(TIMES))
        event["dataversion"] = draw(st.sampled_from((1, "1", 0, -1, "x", "٣", 1000, 10**30, 1.5, None)))
    return event


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=20,
)
BYTES: tuple[bytes, ...] = (
    b"",
    b" \r\n",
    b"null",
    b"[]",
    b'[null,1,true,"x",[],{}]',
    b"[NaN]",
    b"\xff\xfe",
    b'[{"id":"\xff"}]',
    b'{"id":"\\ud800"}',
    b'[{"id":1e999}]',
    b'{"id":"1","id":"2"}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" + b'{"a":' * 500 + b"1" + b"}" * 500 + b"]",
    b"[" + b'{"a":' * 100 + b"1" + b"}" * 100 + b"]",
    b'{"source":' + b"[" * 300 + b"]" * 300 + b"}",
    b"[" + b",".join([b"{}"] * 501) + b"]",
    b"[" + b"9" * 10_000 + b"]",
    b"\x00" * 1000,
    b"PK\x03\x04" + b"\x00" * 100,
)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """A log record's bytes: bent events in blocks or alone, other JSON, garbage, and any of them damaged."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        value = draw(st.one_of(st.sampled_from(BYTES), st.binary(max_size=60)))
    elif kind == 1:
        value = json.dumps(draw(JSON)).encode("utf-8", "surrogatepass")
    else:
        found = draw(st.lists(bent_events(), min_size=1, max_size=4))
        value = json.dumps(found if kind < 5 else found[0]).encode()
    if value and draw(st.integers(0, 7)) == 0:
        place = draw(st.integers(0, len(value) - 1))
        value = value[:place] + draw(st.binary(max_size=2)) + value[place + 1 :]
    return value


def damaged(good: bytes, r: random.Random) -> bytes:
    """One malformed or invalid input made from a good event's bytes (never a good one)."""
    event = json.loads(good)
    match r.randrange(14):
        case 0:
            return r.randbytes(r.randrange(0, 300)) + b"\xff"
        case 1:
            return good[: r.randrange(1, len(good) - 1)]
        case 2:
            event["time"] = r.choice(
                [t for t in TIMES if t[:4] in ("0001", "1899", "9999", "2300") or len(t) < 20]
            )
        case 3:
            event["data"] = r.choice((None, [], 5, "x"))
        case 4:
            event["type"] = r.choice(("dossier.eaten", "", None, 5, "'; DROP TABLE dossiers", "x" * 1000))
        case 5:
            event["subject"] = r.choice(("", "x" * 129, "a\u0000b", None, 7, "\u2028"))
        case 6:
            event["id"] = r.choice(("", "x" * 129, None, {}, "\u0007"))
        case 7:
            return r.choice(BYTES[3:10] + BYTES[13:])
        case 8:
            del event[r.choice(("id", "source", "type", "time", "subject"))]
        case 9:
            event["dataversion"] = r.choice((0, -1, "x", 1000, 10**30))
        case 10:
            event["data"] = {"unit": "x" * (130 * 1024)}
        case 11:
            event |= {"type": "dossier.accepted", "data": {"channel": "Nguyễn Văn A, 0912345678"}}
        case 12:
            event |= {"type": "dossier.accepted", "data": {"due_at": "0001-01-01T00:00:00Z"}}
        case 13:
            return b'{"x":' * 200 + b"1" + b"}" * 200
    return json.dumps(event).encode()
