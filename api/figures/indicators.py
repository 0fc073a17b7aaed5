"""One indicator: its figure, the figure cut, and the dossiers that make it up."""

from collections.abc import Iterable
from typing import Any, Literal

from api.figures import cursors
from api.figures.context import FigureContext, NotFound, Question, ask, heading
from api.figures.procedures import all_described
from api.figures.quantities import Quantities, from_totals, unknown_reason
from api.figures.rows import summary
from api.figures.sums import count_recall, judged, measures_of, summed, totals_by
from api.figures.totals import Grain, Totals
from domain.errors import InvalidInput
from domain.expressions import Expression, Largest, Name, Number, Sum, evaluate, names
from domain.indicator_sets import Indicator
from domain.instants import day_date
from domain.scoring import figures, rate, score_indicator
from domain.timeline import decode_timeline
from domain.verdicts import judge_before
from sinks.queries import dossiers
from sinks.queries.sums import day_sums, recalls

By = Literal["unit", "procedure", "field", "channel", "day"]
Part = Literal["numerator", "denominator", "missing"]
_CUTS: dict[str, tuple[str, ...]] = {"procedure": ("procedure",), "field": ("procedure",), "channel": ("channel",)}


def indicator(
    ctx: FigureContext,
    code: str,
    unit: str,
    period: str,
    by: By | None = None,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
) -> dict[str, Any]:
    """An indicator of a unit; `by` adds `rows`, whose numerators and denominators add to the whole's (`day`:
    the figure of each day alone, which do not add, since a dossier is in hand on many days)."""
    q = ask(ctx, unit, period, as_of, known_at, set_name)
    found = _indicator(q, code)
    known = Quantities(ctx, q)
    mine = known.of(unit)
    kind = ctx.tree.units[unit].kind
    inherited = kind in found.inherited_by and unit != ctx.root
    source = known.province() if inherited else mine
    numerator, denominator = figures(q.indicator_set, found, source)
    scored = score_indicator(found, numerator, denominator, kind)  # type: ignore[arg-type]
    return {
        **heading(ctx, q),
        "code": code,
        "name": found.name,
        "group": found.group,
        "numerator": numerator,
        "denominator": denominator,
        "missing": _missing(numerator, denominator),
        "rate": scored.rate,
        "points": scored.points,
        "max": scored.max,
        "applies": scored.applies,
        "full_marks_at": found.full_marks_at,
        "definition": {"numerator": found.numerator, "denominator": found.denominator, "note": found.note},
        "reason": unknown_reason(q.indicator_set, found, dict(source)) if scored.rate is None else None,
        "by": by,
        "rows": [] if by is None else _rows(ctx, q, found, by, known),
    }


def _indicator(q: Question, code: str) -> Indicator:
    found = q.indicator_set.indicator(code)
    if found is None:
        raise NotFound(f"the set {q.indicator_set.name} has no indicator {code[:64]}")
    return found


def _missing(numerator: Number | None, denominator: Number | None) -> Number | None:
    return None if numerator is None or denominator is None else max(0, denominator - numerator)


def _rows(ctx: FigureContext, q: Question, found: Indicator, by: By, known: Quantities) -> list[dict[str, Any]]:
    if by == "unit":
        return _by_unit(ctx, q, found, known)
    _countable(q, found)
    if by == "day":
        return _by_day(ctx, q, found, _untold(known, q.unit))
    grain = Grain(q.start, q.until, q.family, q.known_at, _CUTS[by])
    cut: dict[str, Totals] = {}
    known_procedures = all_described(ctx, q.until, q.known_at) if by in ("procedure", "field") else {}
    hidden = _untold(known, q.unit)
    for (key,), totals in totals_by(ctx, ctx.reader(q.unit), grain).items():
        described = known_procedures.get(key)
        name = key if by != "field" else (described.field if described is not None and described.field else "")
        cut.setdefault(name, Totals()).add(totals)
    rows = []
    for key, totals in cut.items():
        described = known_procedures.get(key)
        label = described.name if by == "procedure" and described is not None and described.name else key
        rows.append(_row(q, found, key, label, from_totals(totals, q.family) | hidden))
    return sorted(
        (r for r in rows if r["numerator"] or r["denominator"]), key=lambda r: (-(r["missing"] or 0), r["key"])
    )


def _by_unit(ctx: FigureContext, q: Question, found: Indicator, known: Quantities) -> list[dict[str, Any]]:
    """The units directly under this one, and what stands under the unit itself."""
    rows = [
        _row(q, found, child, known.tree.units[child].name, known.of(child))
        for child in known.tree.children.get(q.unit, ())
    ]
    if not any(n.startswith(("procedures:", "fact:", "observed:")) for n in _names(q, found)):
        own = known.own(q.unit)
        rows.insert(0, {**_row(q, found, q.unit, ctx.tree.units[q.unit].name, own), "own": True})
    return rows


def _untold(known: Quantities, unit: str) -> dict[str, Number | None]:
    """What nobody told of the whole, nobody told of its cuts."""
    return {name: value for name, value in known.of(unit).items() if value is None}


def _row(q: Question, found: Indicator, key: str, name: str, known: dict[str, Number | None]) -> dict[str, Any]:
    numerator, denominator = figures(q.indicator_set, found, known)
    return {
        "key": key,
        "name": name,
        "numerator": numerator,
        "denominator": denominator,
        "missing": _missing(numerator, denominator),
        "rate": rate(numerator, denominator),
    }


def _by_day(
    ctx: FigureContext, q: Question, found: Indicator, hidden: dict[str, Number | None]
) -> list[dict[str, Any]]:
    if q.known_at is not None:
        raise InvalidInput("a cut by day is given as known now only: leave known_at out")
    zone, reader, measures = ctx.zone, ctx.reader(q.unit), measures_of(q.family)
    first, last = zone.day(q.start), zone.day(q.until - 1)
    running = summed(totals_by(ctx, reader, Grain(None, q.start, q.family))).sums.until
    booked = day_sums(reader, measures, first, last + 1)
    reopened = recalls(reader, q.start, q.until, by=())
    whole = summed(totals_by(ctx, reader, Grain(None, q.until, q.family))).sums.until
    rows = []
    for day in range(first, last + 1):
        start, end = zone.midnight(day), min(zone.midnight(day + 1), q.until)
        totals = Totals()
        totals.sums.before = dict(running)
        for name, value in booked.get(day, {}).items():
            running[name] = running.get(name, 0) + value
        totals.sums.until = dict(running) if end == zone.midnight(day + 1) else whole
        for _, stopped_open, out_at, in_at, ok, early, undated, unhappy, attributes, n in reopened:
            if start <= out_at and in_at < end:
                count_recall(totals.recalled, q.family, stopped_open, ok, early, undated, unhappy, attributes, n)
        label = day_date(day).isoformat()
        rows.append(_row(q, found, label, label, from_totals(totals, q.family) | hidden))
    return rows


def indicator_dossiers(
    ctx: FigureContext,
    code: str,
    unit: str,
    period: str,
    part: Part,
    as_of: str | int | None = None,
    cursor: str | None = None,
    limit: int = 100,
    set_name: str | None = None,
) -> dict[str, Any]:
    """The dossiers behind a figure, in order of code; as many as the figure says.

    Each dossier's own timeline goes through the same bookings and the same algebra as the sums did: its
    share of the numerator and of the denominator is 0 or 1. `missing` is in the denominator and not in the
    numerator.
    """
    mark = cursors.decode(cursor, after=str, as_of=int)
    q = ask(ctx, unit, period, mark.get("as_of", as_of), None, set_name)
    found = _indicator(q, code)
    _countable(q, found)
    figure = q.indicator_set.figure(found)
    parts = (own_part(figure.numerator), own_part(figure.denominator))
    grain = Grain(q.start, q.until, q.family)
    where = dossiers.in_hand(q.start, q.until, by_last_end=q.family != "06a-stopped-open")
    reader, after, size = ctx.reader(unit), str(mark.get("after", "")), max(200, 2 * limit)
    picked: list[str] = []
    more = True
    while more and len(picked) <= limit:
        rows = dossiers.page(reader, where, after=after, limit=size)
        more = len(rows) == size
        for d in rows:
            known: dict[str, Number | None] = from_totals(judged(ctx, d.timeline, grain), q.family)
            up, down = (evaluate(p, known) or 0 for p in parts)
            if {"numerator": up > 0, "denominator": down > 0, "missing": down > up}[part]:
                picked.append(d.code)
        after = rows[-1].code if rows else after
        size = min(20_000, size * 2)
    kept = picked[:limit]
    return {
        **heading(ctx, q),
        "code": code,
        "part": part,
        "dossiers": _listed(ctx, q, kept),
        "next": cursors.encode(after=kept[-1], as_of=q.as_of) if len(picked) > limit else None,
    }


def _listed(ctx: FigureContext, q: Question, codes: list[str]) -> list[dict[str, Any]]:
    by_code = {row["dossier_code"]: row for row in dossiers.dossiers(ctx.reader(), codes)}
    listed = []
    for code in codes:
        row = by_code[code]
        state, verdict = judge_before(decode_timeline(row["timeline"]), q.family, q.until, ctx.zone)
        listed.append(summary(ctx, row, state, verdict, q.until))
    return listed


def own_part(expression: Expression) -> Expression:
    """The part of a figure that dossiers make up: of `max(a report's figure, our count)` our count."""
    if isinstance(expression, Largest):
        parts = [p for p in expression.of if not any(n.startswith("fact:") for n in names(p))]
        return Largest(tuple(parts)) if len(parts) != 1 else parts[0]
    if isinstance(expression, Sum):
        return Sum(tuple((sign, own_part(term)) for sign, term in expression.terms))
    return expression


def _names(q: Question, found: Indicator) -> Iterable[str]:
    figure = q.indicator_set.figure(found)
    return (*names(figure.numerator), *names(own_part(figure.denominator)))


def _countable(q: Question, found: Indicator) -> None:
    other = {
        n.split(":")[0] for n in _names(q, found) if n.startswith(("procedures:", "fact:", "pet:", "observed:"))
    }
    if other:
        what = {
            "procedures": "procedures",
            "fact": "what documents told",
            "observed": "observations",
            "pet": "petitions",
        }[sorted(other)[0]]
        raise InvalidInput(f"{found.code} counts {what}, not dossiers: it opens only by unit")


__all__ = ["By", "Name", "Part", "indicator", "indicator_dossiers"]
