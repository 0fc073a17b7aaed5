"""What a dispute is answered with at once: the last facts that the system received, from where, and when."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.figures.context import FigureContext
from sinks.queries import dossiers, log

SHOWN = 5
_ENDS = ("finished", "returned", "withdrawn", "stopped", "rejected")
_WORDS = {
    "dossier": "hồ sơ",
    "petition": "phản ánh, kiến nghị",
    "procedure": "thủ tục",
    "unit": "đơn vị",
    "part": "bộ phận hệ thống",
}
_STATE = ("status", "step", "office", "paused", "is_open")
_INSTANTS = ("accepted_at", "due_at", "due_at_original", "finished_at", "ended_at", "apology_at", "last_step_at")


def received(ctx: FigureContext, alert: Mapping[str, Any]) -> dict[str, Any]:
    """About the alert's subject: the last facts as they became known (coordinates, three times), what each source
    sent and when last, the state that they fold to, and one sentence. The caller has shown that the alert, and so
    its subject, may be seen."""
    subject, kind = alert["subject"], alert["subject_kind"]
    events = log.events(ctx.everything, subject, kind)
    last = [_fact(ctx, e) for e in events[-SHOWN:][::-1]]
    row = dossiers.dossier(ctx.reader(), subject) if kind == "dossier" else None
    state = None
    if row is not None:
        state = {name: row[name] for name in _STATE} | {name: ctx.text(row[name]) for name in _INSTANTS}
    ends = [e for e in events if e["type"].partition(".")[2] in _ENDS]
    return {
        "subject": subject,
        "events": len(events),
        "last": last,
        "last_end": _fact(ctx, ends[-1]) if ends else None,
        "sources": _sources(ctx, events),
        "state": state,
        "vi": _sentence(last, _WORDS[kind], ended=bool(ends) or kind != "dossier"),
        **ctx.position(),
    }


def evidence(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the ticket keeps of the answer: how many events were shown as known, and where the last one stands."""
    last = told["last"][0]["coordinates"] if told["last"] else {}
    return {"events": told["events"], **last, "generation": told["generation"]}


def _fact(ctx: FigureContext, event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": event["type"],
        "source": event["source"],
        "id": event["id"],
        **{name: ctx.text(event[name]) for name in ("occurred_at", "recorded_at", "known_at")},
        "coordinates": {name: event[name] for name in ("topic", "partition", "offset", "index")},
        "data": msgspec.json.decode(event["data"]),
    }


def _sources(ctx: FigureContext, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, list[int]] = {}
    for event in events:
        found.setdefault(event["source"], []).append(event["known_at"])
    return [
        {"source": source, "events": len(known), "last_known_at": ctx.text(max(known))}
        for source, known in sorted(found.items())
    ]


def _sentence(last: Sequence[Mapping[str, Any]], what: str, *, ended: bool) -> str:
    if not last:
        return f"Hệ thống chưa nhận được sự kiện nào của {what} này."
    one = last[0]
    where = "/".join(str(one["coordinates"][name]) for name in ("partition", "offset", "index"))
    said = (
        f"Tin cuối cùng hệ thống nhận được: {one['type']} từ {one['source']}; xảy ra {one['occurred_at']}, "
        f"hệ thống biết {one['known_at']} (chứng cứ {where})."
    )
    return said if ended else f"{said} Chưa nhận được sự kiện kết thúc."
