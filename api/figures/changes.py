"""What changed: a scorecard beside an earlier one, row by row (users.md §1, "so với ngày làm việc liền trước").

Both are computed here, from the same log; where another indicator set held then, no difference is given.
"""

import re
from datetime import date, timedelta
from typing import Any, Literal

from api.figures.context import FigureContext, Question, ask
from api.figures.scorecards import scorecard
from domain.errors import InvalidInput
from domain.instants import Day, Millis, date_day, day_date

Against = Literal["day", "month", "year"]
_PERIOD = re.compile(r"(\d{4})(?:-(\d\d)|-Q(\d))?")


def change(
    ctx: FigureContext,
    unit: str,
    period: str,
    against: Against = "day",
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
) -> dict[str, Any]:
    """`now`, `before` (null with `reason` where there is none) and the differences: totals, groups, indicators.

    `day`: the same period as it stood at the end of the working day before; `month`: the period before (a range
    or `ytd`: the same span a month earlier); `year`: the same period a year before. What still runs is set beside
    what had come by the same day then.
    """
    q = ask(ctx, unit, period, as_of, known_at, set_name)
    now = scorecard(ctx, unit, period, as_of, known_at, set_name)
    label, until = _earlier(ctx, q, against)
    before, reason = None, None
    try:
        before = scorecard(ctx, unit, label, until, known_at, set_name)
    except InvalidInput as error:
        reason = str(error)
    if before is not None and before["versions"]["set"] != now["versions"]["set"]:
        reason = f"khác bộ chỉ số: {before['versions']['set']} trước đó, nay {now['versions']['set']}"
    same = before is not None and reason is None
    return {
        **{name: now[name] for name in ("unit", "name", "kind", "period", "as_of", "known_at", "set", "versions")},
        "against": against,
        "source": "log",
        "before_period": label,
        "before_as_of": before["as_of"] if before is not None else None,
        "before_set": before["set"] if before is not None else None,
        "comparable": same,
        "reason": reason,
        "totals": {n: _pair(now[n], before[n] if before and same else None) for n in _TOTALS},
        "band": {"now": now["band"], "before": before["band"] if before and same else None},
        "groups": _rows(now["groups"], before["groups"] if before and same else [], ("points",)),
        "indicators": _rows(now["indicators"], before["indicators"] if before and same else [], _MEMBERS),
        "generation": now["generation"],
        "complete_to": now["complete_to"],
    }


_TOTALS = ("total_portal", "total_rebased", "max_applicable")
_MEMBERS = ("points", "rate", "numerator", "denominator")


def _pair(now: float | None, before: float | None) -> dict[str, float | None]:
    """Null is not zero: where one of the two is unknown there is no difference."""
    return {"now": now, "before": before, "change": None if now is None or before is None else now - before}


def _rows(
    now: list[dict[str, Any]], before: list[dict[str, Any]], members: tuple[str, ...]
) -> list[dict[str, Any]]:
    earlier = {row["code"]: row for row in before}
    return [
        {
            "code": row["code"],
            "name": row["name"],
            **{m: _pair(row[m], earlier[row["code"]][m] if row["code"] in earlier else None) for m in members},
        }
        for row in now
    ]


def _earlier(ctx: FigureContext, q: Question, against: Against) -> tuple[str, Millis | None]:
    """The earlier question: its period and as-of; of a period that still runs, the one before as far as it had
    come by then."""
    label, today = q.period.label, ctx.zone.day(q.as_of - 1)
    if against == "day":
        before = ctx.calendar(q.as_of).previous_working_day(today)
        return label, ctx.zone.midnight(before + 1)
    if against not in ("month", "year"):
        raise InvalidInput(f"'{against}' is nothing to compare with: choose day, month or year")
    found = _PERIOD.fullmatch(label)
    months = 12 if against == "year" else 1
    if found is not None and against == "month":
        months = 1 if found[2] else 3 if found[3] else 12
    runs = q.as_of < q.period.end_ms or label in ("today", "ytd")
    into_day = q.as_of - ctx.zone.midnight(today)
    until = ctx.zone.midnight(_shifted(today, months)) + into_day if runs else None
    if label in ("today", "ytd"):
        return label, until
    if found is not None:
        return _period_before(int(found[1]), found[2], found[3], months), until
    first, _, last = label.partition("..")
    days = (day_date(_shifted(date_day(date.fromisoformat(d)), months)).isoformat() for d in (first, last))
    return "..".join(days), until


def _period_before(year: int, month: str | None, quarter: str | None, months: int) -> str:
    number = year * 12 + (int(month) - 1 if month else 3 * int(quarter) - 3 if quarter else 0) - months
    before = f"{number // 12}"
    if month:
        return f"{before}-{number % 12 + 1:02d}"
    return f"{before}-Q{number % 12 // 3 + 1}" if quarter else before


def _shifted(day: Day, months: int) -> Day:
    """The same date so many months before, or that month's last day."""
    here = day_date(day)
    number = here.year * 12 + here.month - 1 - months
    first = date(number // 12, number % 12 + 1, 1)
    last = ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).day
    return date_day(first.replace(day=min(here.day, last)))
