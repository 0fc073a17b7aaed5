"""Questions that go through a unit's dossiers one by one: moved dates, apologies, ends, backdating."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from api.audit import answers, promises
from api.audit.answers import LISTED, answer
from api.figures.context import FigureContext, Question, ask, heading
from domain.instants import MS_DAY, Millis
from domain.timeline import Timeline, decode_timeline
from domain.verdicts import judge, judge_before
from sinks.queries import audit, dossiers
from sinks.queries.dossiers import Timed

EMPTY = "no dossier was in hand: there is nothing to answer about"
TOLERANCE_HOURS = 24
"""[?] An end that is recorded within a day of it is a source's evening transfer, not backdating."""
PAGE = 5_000
Found = tuple[Timed, Timeline]


def moved_due(ctx: FigureContext, unit: str, period: str, as_of: Millis | None = None) -> dict[str, Any]:
    """Every due date moved in the period: old and new, whether the old one had passed, the apology (Mẫu 04), and
    the verdict by the first and by the moved date. fails: one was moved late, without a letter in time, or twice;
    each is to be looked into by a person. A move that a supplement caused is listed and speaks against nobody."""
    q = ask(ctx, unit, period, as_of)
    rows: list[dict[str, Any]] = []
    looked_at = all_moves = 0
    for d, tl in _in_hand(ctx, q):
        looked_at += 1
        calendar, days = ctx.calendar(tl.stays[0].start), ctx.reference.thresholds.apology_working_days
        for m in promises.moves(tl, ctx.zone, calendar, days):
            if not q.start <= m.at < q.until:
                continue
            all_moves += 1
            if m.wrongs:
                times = {"moved_at": ctx.text(m.at), "old_due": ctx.text(m.old), "new_due": ctx.text(m.new)}
                facts = {"number": m.number, "after_late": m.after_late, "apology": m.apology}
                rows.append({**_who(d), **times, **facts, "why": list(m.wrongs), **_both(ctx, q, tl), "_at": m.at})
    counted = {"dossiers": looked_at, "moves": all_moves, "moves_to_look_into": len(rows)}
    return _answer(ctx, q, "moved-due", counted, rows)


def apologies(ctx: FigureContext, unit: str, period: str, as_of: Millis | None = None) -> dict[str, Any]:
    """Late dossiers of the period and their apologies, against the due date in force. fails: one late dossier has
    no letter, or had it too late (domain.md §4: no later than one working day before the due date)."""
    q = ask(ctx, unit, period, as_of)
    rows: list[dict[str, Any]] = []
    counted = {"dossiers": 0, "late": 0, "in_time": 0, "apology_late": 0, "no_apology": 0}
    for d, tl in _in_hand(ctx, q):
        counted["dossiers"] += 1
        state, verdict = judge_before(tl, "766", q.until, ctx.zone)
        if verdict is None or verdict.due is None or not verdict.late:
            continue
        calendar, days = ctx.calendar(tl.stays[0].start), ctx.reference.thresholds.apology_working_days
        known = [a for a in tl.apologies if a < q.until]
        sent = promises.apology(replace(tl, apologies=tuple(known)), verdict.due, ctx.zone, calendar, days)
        counted["late"] += 1
        counted[{"in_time": "in_time", "late": "apology_late", "none": "no_apology"}[sent]] += 1
        if sent != "in_time":
            letter = ctx.text(min(known)) if known else None
            facts = {"state": state, "due_at": ctx.text(verdict.due), "apology": sent, "apology_at": letter}
            rows.append({**_who(d), **facts})
    return _answer(ctx, q, "apologies", counted, rows)


def too_early(ctx: FigureContext, unit: str, period: str, as_of: Millis | None = None) -> dict[str, Any]:
    """Ends that were reported and taken back in the period, with the verdict they had and the one that stands; the
    figure keeps the first (domain.md §5), the citizen waited for the second. fails: there is one."""
    q = ask(ctx, unit, period, as_of)
    rows: list[dict[str, Any]] = []
    looked_at = 0
    for d, tl in _in_hand(ctx, q):
        looked_at += 1
        for r in promises.recalls(tl, ctx.zone):
            if q.start <= r.reopened < q.until:
                verdicts = {"late_when_reported": r.late_then, "late_now": r.late_now}
                times = {"ended_at": ctx.text(r.ended), "how": r.how, "reopened_at": ctx.text(r.reopened)}
                rows.append({**_who(d), **times, **verdicts, "_at": r.reopened})
    return _answer(ctx, q, "too-early", {"dossiers": looked_at, "taken_back": len(rows)}, rows)


def backdated(
    ctx: FigureContext, unit: str, period: str, as_of: Millis | None = None, over_hours: int = TOLERANCE_HOURS
) -> dict[str, Any]:
    """How long after they happened events were recorded, beside the unit's peers; and the ends that are on time as
    stated and late as recorded, more than `over_hours` before. fails: there is one. What an import brought carries
    no instant of recording and counts nowhere; an event recorded before it happened is a clock ahead."""
    q = ask(ctx, unit, period, as_of)
    reader, tolerance = ctx.reader(unit), over_hours * MS_DAY // 24
    recorded = audit.ends_recorded(reader, q.start, q.until)
    rows: list[dict[str, Any]] = []
    for piece in (sorted(recorded)[n : n + PAGE] for n in range(0, len(recorded), PAGE)):
        for d in dossiers.timed(reader, piece):
            tl = decode_timeline(d.timeline)
            end = tl.stays[-1].end if tl.stays else None
            first = min((seen for said, seen in recorded[d.code] if said == end), default=None)
            if end is None or first is None:
                continue
            if promises.turned_by_backdating(tl, first, tolerance, ctx.zone):
                late_as_recorded = judge(tl, "766", first, tl.stays[-1].how, ctx.zone)
                times = {"ended_at": ctx.text(end), "recorded_at": ctx.text(first)}
                facts = {"due_at": ctx.text(late_as_recorded.due), "lag_hours": (first - end) / (MS_DAY // 24)}
                rows.append({**_who(d), **times, **facts})
    lags = _lags(ctx, unit, q, tolerance)
    counted = {"ends": len(recorded), "events": sum(r["events"] for r in lags if r["own"])}
    said = "no event of the period tells when it was recorded" if not counted["events"] else ""
    told = answers.verdict(bool(rows), bool(said))
    more = {"lags": lags, "over_hours": over_hours, "left_out": max(0, len(rows) - LISTED)}
    return answer("backdated", told, counted, rows[:LISTED], heading(ctx, q), reason=said, **more)


def _lags(ctx: FigureContext, unit: str, q: Question, tolerance: Millis) -> list[dict[str, Any]]:
    """The distribution of the unit and of its visible peers (units of the same parent and kind)."""
    node = ctx.tree.units[unit]
    siblings = ctx.tree.children.get(node.parent or "", ())
    peers = [c for c in siblings if c != unit and ctx.tree.units[c].kind == node.kind]
    found = []
    for code in (unit, *(c for c in peers if ctx.visible is None or c in ctx.visible)):
        row = audit.lags(ctx.reader(code), q.start, q.until, tolerance)
        found.append({"unit": code, "own": code == unit, **row})
    return found


def _in_hand(ctx: FigureContext, q: Question) -> Iterator[Found]:
    """The accepted dossiers in hand in the period, in order of code."""
    for page in dossiers.pages(ctx.reader(q.unit), dossiers.in_hand(q.start, q.until), size=PAGE):
        for d in page:
            tl = decode_timeline(d.timeline)
            if tl.stays:
                yield d, tl


def _who(d: Timed) -> dict[str, Any]:
    return {"dossier_code": d.code, "unit": d.unit}


def _both(ctx: FigureContext, q: Question, tl: Timeline) -> dict[str, str]:
    """The state by the first due date and by the one in force."""
    return {
        "by_first_due": judge_before(tl, "orig", q.until, ctx.zone)[0],
        "by_moved_due": judge_before(tl, "766", q.until, ctx.zone)[0],
    }


def _answer(
    ctx: FigureContext, q: Question, question: str, counted: dict[str, int], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """The answer; what happened at an instant is given with its event's place in the log."""
    empty = not counted["dossiers"]
    listed = rows[:LISTED]
    timed = {row["dossier_code"]: row for row in listed if "_at" in row}
    places = audit.events_said(ctx.everything, sorted(timed))
    for row in listed:
        moment = row.pop("_at", None)
        if moment is not None:
            said = places.get((row["dossier_code"], moment), [])
            row["events"] = [answers.event(ctx, e) for e in said]
    told = answers.verdict(bool(rows), empty)
    left = {"left_out": len(rows) - len(listed)}
    return answer(question, told, counted, listed, heading(ctx, q), reason=EMPTY if empty else "", **left)
