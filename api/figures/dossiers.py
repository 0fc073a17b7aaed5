"""One dossier: what it is, the verdict of every rule with its arithmetic, and the events it comes from."""

from collections.abc import Sequence
from typing import Any

import msgspec

from api.figures.context import FigureContext
from api.figures.replayed import dossier_before
from api.figures.rows import late_working_days
from api.figures.words import sentences
from domain.dossier import Pause
from domain.fold import dossier_row
from domain.instants import Millis
from domain.measures import FAMILIES
from domain.timeline import Stay, Timeline, decode_timeline
from domain.verdicts import judge_before
from sinks.queries import dossiers, log, reference
from sinks.queries.reader import Reader

_INSTANTS = (
    "submitted_at accepted_at due_at due_at_original finished_at returned_at ended_at apology_at last_step_at"
)
_PLAIN = (
    "unit receiving_unit procedure channel applicant_kind service_level status due_basis end_kind supplements "
    "moves step office events unhappy is_open paused"
)


def dossier(
    ctx: FigureContext, code: str, as_of: str | Millis | None = None, known_at: str | Millis | None = None
) -> dict[str, Any] | None:
    """All about a dossier before `as_of`, as known before `known_at`; None where there is none to be seen.

    Everything is as of `as_of`: verdicts, stays and pauses by the timeline, and the fields by the facts before it
    where later ones are known. Null where the store no longer holds the events to tell it.
    """
    given = ctx.instant(as_of)
    until = ctx.now_ms if given is None else given
    known = ctx.known(known_at)
    reader = ctx.reader()
    row = dossiers.dossier(reader, code, known)
    if row is None:
        return None
    tl = decode_timeline(row["timeline"])
    told = _told_by(ctx, row, until, known)
    return {
        "dossier_code": code,
        "as_of": ctx.text(until),
        "known_at": ctx.text(known),
        "forecast": until > ctx.now_ms,
        **{name: told[name] if told[name] != "" else None for name in _PLAIN.split()},
        **{name: ctx.text(told[name]) for name in _INSTANTS.split()},
        "unit_name": ctx.tree.units[told["unit"]].name if told["unit"] in ctx.tree.units else told["unit"],
        "attributes": sorted(decode_timeline(told["timeline"]).held()),
        "state": judge_before(tl, "766", until, ctx.zone)[0],
        "verdicts": [verdict(ctx, tl, family, until) for family in FAMILIES],
        "due_history": [{"said_at": ctx.text(x.at), "due_at": ctx.text(x.due)} for x in tl.dues if x.at < until],
        "stays": _stays(ctx, tl.stays, until),
        "pauses": _pauses(ctx, "supplement", tl.supplements, until) + _pauses(ctx, "payment", tl.payments, until),
        "apologies": [ctx.text(at) for at in tl.apologies if at < until],
        "findings": _findings(ctx, reader, code, known) if row["findings"] else [],
        "conditions": _conditions(ctx, reader, code, until, known),
        "version": {
            "topic": "dossier-events",
            "partition": row["partition"],
            "offset": row["version"],
            "known_at": ctx.text(row["known_at"]),
        },
        "calendar": ctx.reference.calendar_at(row["accepted_at"] or until)[1],
        **ctx.position(),
    }


def _told_by(ctx: FigureContext, row: dict[str, Any], until: Millis, known: Millis | None) -> dict[str, Any]:
    """The fields of a dossier before `until`: its row, or, where later facts have changed that, the row that the
    earlier ones make."""
    if row["last_fact_at"] < until:
        return row
    folded = dossier_before(ctx, row["dossier_code"], until, known)
    if folded is None:
        return {**row, **dict.fromkeys((*_PLAIN.split(), *_INSTANTS.split())), "unit": row["unit"]}
    then = dossier_row(row["dossier_code"], folded, row["version"], row["known_at"])
    if not folded.events:
        then = msgspec.structs.replace(then, unit=row["unit"])
    return {name: getattr(then, name) for name in then.__struct_fields__}


def verdict(ctx: FigureContext, tl: Timeline, family: str, until: Millis) -> dict[str, Any]:
    """One rule family's verdict before an instant: structured, and as a sentence in both languages."""
    state, found = judge_before(tl, family, until, ctx.zone)
    calendar = ctx.calendar(until)
    worked = 0
    if found is not None and found.due is not None and found.late:
        worked = max(0, calendar.working_ms_between(found.due + found.credit, found.end))
    vi, en = sentences(family, state, found, worked, calendar.day_ms)
    if found is None:
        return {"rule": family, "state": state, "late": None, "reason": None, "vi": vi, "en": en}
    return {
        "rule": family,
        "state": state,
        "late": found.late,
        "reason": found.reason,
        "due_at": ctx.text(found.due),
        "end_at": ctx.text(found.end),
        "credit_seconds": found.credit / 1000,
        "supplements": found.supplements,
        "late_by_seconds": None if found.due is None else found.late_by / 1000,
        "late_by_working_days": late_working_days(ctx, found) if found.late else None,
        "late_by_working_seconds": worked / 1000 if found.late else None,
        "vi": vi,
        "en": en,
    }


def dossier_events(ctx: FigureContext, code: str) -> list[dict[str, Any]]:
    """The events of a dossier in the order of the log, with coordinates and three times; empty where there is
    no such dossier to be seen."""
    if ctx.visible is not None and dossiers.dossier(ctx.reader(), code) is None:
        return []
    listed = []
    for e in log.events(ctx.everything, code):
        times = {name: ctx.text(e[name]) for name in ("occurred_at", "recorded_at", "known_at")}
        seen = e["recorded_at"] if e["recorded_at"] is not None else None
        late = None if seen is None or e["occurred_at"] is None else (seen - e["occurred_at"]) / 1000
        listed.append({**e, **times, "recorded_after_seconds": late, "data": msgspec.json.decode(e["data"])})
    return listed


def _stays(ctx: FigureContext, stays: Sequence[Stay], until: Millis) -> list[dict[str, Any]]:
    listed = []
    for stay in stays:
        if stay.start < until:
            ended = stay.end is not None and stay.end < until
            listed.append(
                {
                    "start": ctx.text(stay.start),
                    "end": ctx.text(stay.end) if ended else None,
                    "how": stay.how if ended else None,
                }
            )
    return listed


def _pauses(ctx: FigureContext, kind: str, pauses: Sequence[Pause], until: Millis) -> list[dict[str, Any]]:
    listed = []
    for pause in pauses:
        if pause.start < until:
            done = pause.done if pause.done is not None and pause.done < until else None
            listed.append(
                {
                    "kind": kind,
                    "start": ctx.text(pause.start),
                    "done": ctx.text(done),
                    "seconds": ((until if done is None else done) - pause.start) / 1000,
                    "due_shifted": pause.shifted and done is not None,
                }
            )
    return listed


def _findings(ctx: FigureContext, reader: Reader, code: str, known: Millis | None) -> list[dict[str, Any]]:
    return [
        {"kind": f["kind"], "evidence": f["evidence"], "known_at": ctx.text(f["known_at"])}
        for f in reference.findings(reader, None, code, ("", ""), 200)
        if known is None or f["known_at"] < known
    ]


def _conditions(
    ctx: FigureContext, reader: Reader, code: str, until: Millis, known: Millis | None
) -> list[dict[str, Any]]:
    listed = []
    for c in reference.conditions(reader, code):
        if known is not None and c["known_at"] >= known:
            continue
        holds = c["start"] < until and (c["until"] is None or until <= c["until"])
        times = {name: ctx.text(c[name]) for name in ("start", "until", "due_at", "known_at")}
        evidence = msgspec.json.decode(c["evidence"]) if c["evidence"] else {}
        listed.append({"kind": c["kind"], "episode": c["episode"], **times, "holds": holds, "evidence": evidence})
    return listed
