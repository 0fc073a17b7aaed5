"""Lists to work from: what is overdue, and what comes due, each with totals over everything."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from api.figures import cursors
from api.figures.context import FigureContext
from api.figures.rows import STATES, late_working_days, summary
from api.figures.sums import said_from, summed, totals_by
from api.figures.totals import Grain
from domain.algebra import totals
from domain.errors import InvalidInput
from domain.instants import Millis, day_date
from domain.timeline import decode_timeline
from domain.verdicts import Judgement, judge_before
from sinks.queries import dossiers
from sinks.queries.dossiers import Timed
from sinks.queries.late import LateList, Place, Span
from sinks.queries.reader import Reader

FAMILY = {"timestamp": "766", "date": "06a"}
"""The two official comparisons (domain.md §4): by the hour as the index does, by the date as II.06a does."""
AGES = (("1-3", 3), ("4-10", 10), ("11-30", 30), (">30", None))
"""Buckets of working days late; a first day that has begun counts as one."""
_MARKS: dict[bool, dict[str, type]] = {
    True: {"late_by": int, "code": str, "as_of": int},
    False: {"code": str, "as_of": int},
}
ALWAYS: Millis = -(10**15)
"""Before every calendar that was published."""
Judged = tuple[Timed, str, Judgement | None]


def overdue(
    ctx: FigureContext,
    unit: str | None = None,
    procedure: str | None = None,
    min_days: int | None = None,
    as_of: str | Millis | None = None,
    rule: Literal["timestamp", "date"] = "timestamp",
    state: str = "open_late",
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Dossiers in one of the five states before `as_of`; `open_late` begins with the latest, the others go in
    order of code. `totals` count every dossier accepted before `as_of`, each in one state (decisions 28);
    `ages` and `matching` count the whole list of open and late ones, after `min_days`."""
    if rule not in FAMILY or state not in STATES:
        raise InvalidInput(f"rule is one of {', '.join(FAMILY)}; state is one of {', '.join(STATES)}")
    mark = cursors.decode(cursor, **_MARKS[state == "open_late"])
    given = ctx.instant(mark.get("as_of", as_of))
    until = ctx.now_ms if given is None else given
    reader, family = ctx.reader(unit), FAMILY[rule]
    found: dict[str, Any] = {
        "unit": unit or ctx.root,
        "as_of": ctx.text(until),
        "forecast": until > ctx.now_ms,
        "rule": rule,
        "state": state,
        "totals": state_totals(ctx, reader, until, family, procedure),
    }
    if state == "open_late":
        found |= _latest_first(ctx, reader, until, family, procedure, min_days, mark, limit)
    else:
        found |= _by_code(ctx, reader, until, family, procedure, min_days, state, mark, limit)
    return {**found, **ctx.position()}


def state_totals(
    ctx: FigureContext, reader: Reader, until: Millis, family: str, procedure: str | None = None
) -> dict[str, int]:
    """Every dossier accepted before `until`, by state."""
    by = ("unit",) if procedure is None else ("procedure",)
    whole = summed(totals_by(ctx, reader, Grain(None, until, family, by=by, procedure=procedure, petitions=False)))
    return totals(whole.sums.until, whole.as_recalled(), family)


def _judged(
    ctx: FigureContext, reader: Reader, codes: Sequence[str], until: Millis, family: str, procedure: str | None
) -> list[Judged]:
    return [
        (d, *judge_before(decode_timeline(d.timeline), family, until, ctx.zone))
        for d in dossiers.timed(reader, codes, procedure)
    ]


def _latest_first(
    ctx: FigureContext,
    reader: Reader,
    until: Millis,
    family: str,
    procedure: str | None,
    min_days: int | None,
    mark: dict[str, Any],
    limit: int,
) -> dict[str, Any]:
    asked = LateList(family, until, ctx.zone, ctx.reference.calendar_starts, procedure)
    after = Place(mark["late_by"], mark["code"]) if "code" in mark else None
    found = None
    if after is None and min_days is None:
        counted, found = asked.spans_and_places(reader, limit + 1)
    else:
        counted = asked.spans(reader)
    spans = [(span, count, _span_days(ctx, asked, span)) for span, count in counted]
    among = None if min_days is None else [span for span, _, days in spans if days >= min_days]
    judged = _said_later(ctx, reader, until, family, procedure)
    later = {
        Place(v.late_by, d.code): days
        for d, v in judged
        if (days := late_working_days(ctx, v)) >= (min_days if min_days is not None else days)
    }
    ages = Counter(age_bucket(days) for days in later.values())
    for _, count, days in spans:
        if min_days is None or days >= min_days:
            ages[age_bucket(days)] += count
    if found is None:
        found = asked.places(reader, after, limit + 1, among)
    found += [p for p in later if after is None or _rank(p) > _rank(after)]
    found.sort(key=_rank)
    page = found[:limit]
    last = page[-1] if page and len(found) > limit else None
    return {
        "matching": sum(ages.values()),
        "ages": {name: ages.get(name, 0) for name, _ in AGES},
        "dossiers": _lines(ctx, reader, [p.code for p in page], until, family),
        "next": cursors.encode(late_by=last.late_by, code=last.code, as_of=until) if last else None,
    }


def _rank(place: Place) -> tuple[int, str]:
    return -place.late_by, place.code


def _span_days(ctx: FigureContext, asked: LateList, span: Span) -> int:
    """As `late_working_days`, for all dossiers of a span."""
    valid = asked.calendars[span.calendar - 1] if span.calendar else ALWAYS
    return max(0, ctx.calendar(valid).working_days_between(span.due_day + 1, span.end_day + 1))


def _said_later(
    ctx: FigureContext, reader: Reader, until: Millis, family: str, procedure: str | None
) -> list[tuple[Timed, Judgement]]:
    """The late ones of which something from `until` on is said: judged one by one."""
    listed = said_from(ctx, until)
    if listed is None:
        codes = dossiers.said_from(reader, until, accepted_before=until)
        listed = list(dossiers.timed(ctx.everything, codes))
    found = []
    for d in listed:
        if reader.includes(d.unit) and procedure in (None, d.procedure):
            state, verdict = judge_before(decode_timeline(d.timeline), family, until, ctx.zone)
            if state == "open_late" and verdict is not None:
                found.append((d, verdict))
    return found


def age_bucket(days: int) -> str:
    """The bucket of so many working days late."""
    return next(name for name, top in AGES if top is None or days <= top)


def _by_code(
    ctx: FigureContext,
    reader: Reader,
    until: Millis,
    family: str,
    procedure: str | None,
    min_days: int | None,
    state: str,
    mark: dict[str, Any],
    limit: int,
) -> dict[str, Any]:
    after, size, more = str(mark.get("code", "")), max(200, 2 * limit), True
    picked: list[Judged] = []
    where = dossiers.in_hand(None, until)
    while more and len(picked) <= limit:
        rows = dossiers.page(reader, where, after=after, limit=size, procedure=procedure)
        more, after = len(rows) == size, rows[-1].code if rows else after
        for d in rows:
            found, verdict = judge_before(decode_timeline(d.timeline), family, until, ctx.zone)
            late = late_working_days(ctx, verdict) if verdict is not None and verdict.late else 0
            if found == state and (min_days is None or late >= min_days):
                picked.append((d, found, verdict))
        size = min(20_000, 2 * size)
    page = picked[:limit]
    last = page[-1][0].code if len(picked) > limit else None
    return {
        "dossiers": _lines(ctx, reader, [d.code for d, _, _ in page], until, family),
        "next": cursors.encode(code=last, as_of=until) if last else None,
    }


def _lines(
    ctx: FigureContext, reader: Reader, codes: Sequence[str], until: Millis, family: str
) -> list[dict[str, Any]]:
    """The lines of a page, in its order; each judged once more by the rules themselves."""
    rows = {row["dossier_code"]: row for row in dossiers.lines(reader, codes, are_open=True)}
    ended = [code for code in codes if code not in rows]
    rows |= {row["dossier_code"]: row for row in (dossiers.lines(reader, ended, are_open=False) if ended else ())}
    found = []
    for row in (rows[code] for code in codes if code in rows):
        state, verdict = judge_before(decode_timeline(row["timeline"]), family, until, ctx.zone)
        found.append(summary(ctx, row, state, verdict, until))
    return found


def due(
    ctx: FigureContext,
    unit: str | None = None,
    procedure: str | None = None,
    within: str = "3wd",
    as_of: str | Millis | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Open dossiers that come due in [as_of, end of the n-th working day after it), the first due first; those
    with a pause outstanding are listed and marked. `by_day` counts them all."""
    mark = cursors.decode(cursor, due=int, code=str, as_of=int)
    given = ctx.instant(mark.get("as_of", as_of))
    start = ctx.now_ms if given is None else given
    end = horizon(ctx, start, within)
    reader = ctx.reader(unit)
    listed = []
    codes = dossiers.open_at(reader, start, dossiers.due_within(start, end))
    for d, state, verdict in _judged(ctx, reader, codes, start, "766", procedure):
        if state not in ("open_not_due", "open_late") or verdict is None or verdict.due is None:
            continue
        if start <= verdict.due < end:
            listed.append((d, state, verdict))
    listed.sort(key=lambda x: (x[2].due or 0, x[0].code))
    after = (mark["due"], mark["code"]) if "code" in mark else None
    rest = [x for x in listed if after is None or (x[2].due or 0, x[0].code) > after]
    page = rest[:limit]
    last = page[-1] if page and len(rest) > limit else None
    days = Counter(day_date(ctx.zone.day(v.due or 0)).isoformat() for _, _, v in listed)
    return {
        "unit": unit or ctx.root,
        "as_of": ctx.text(start),
        "forecast": start > ctx.now_ms,
        "within": within,
        "until": ctx.text(end),
        "matching": len(listed),
        "by_day": dict(sorted(days.items())),
        "dossiers": _lines(ctx, reader, [d.code for d, _, _ in page], start, "766"),
        "next": cursors.encode(due=last[2].due, code=last[0].code, as_of=start) if last else None,
        **ctx.position(),
    }


def horizon(ctx: FigureContext, start: Millis, within: str) -> Millis:
    """The end of a span: '3wd' the end of the third working day after today, '8wh' so many working hours,
    '2d' the end of the second calendar day after today, '36h' so many hours."""
    amount, unit = within[: -len(within.lstrip("0123456789"))] or "", within.lstrip("0123456789")
    if not amount or unit not in ("wd", "wh", "d", "h") or not 0 <= int(amount) <= 1_000:
        raise InvalidInput(f"'{within[:20]}' is not a span such as 3wd, 8wh, 2d or 36h")
    n, calendar, today = int(amount), ctx.calendar(start), ctx.zone.day(start)
    if unit == "wd":
        return ctx.zone.midnight((calendar.next_working_day(today, n) if n else today) + 1)
    if unit == "wh":
        return calendar.add_working_ms(calendar.roll_forward(start), n * 3_600_000) + 1
    return ctx.zone.midnight(today + n + 1) if unit == "d" else start + n * 3_600_000
