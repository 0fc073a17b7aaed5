"""Procedures as reference: what was said of each, and the counts of procedures that indicators need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.figures.context import FigureContext, Question
from api.figures.units import Tree
from domain.expressions import Number
from domain.instants import Day, Millis, date_day, day_date, parse_rfc3339
from domain.measures import PROCEDURE_MEASURES
from sinks.queries import reference

_ONLINE = ("full", "partial")
_PLACE = {name: n for n, name in enumerate(PROCEDURE_MEASURES)}
Said = Sequence[tuple[str, Millis, str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure as described before an instant; None where nothing was said."""

    code: str
    name: str | None = None
    field: str | None = None
    applied_by: tuple[str, ...] | None = None
    applicant_kinds: tuple[str, ...] | None = None
    returns_document: bool | None = None
    fee: bool | None = None
    online_level: str | None = None
    limit: tuple[int, str] | None = None
    payment_integrated: bool = False

    def applies_to(self, unit: str, kind: str | None) -> bool:
        """Whether a unit applies it; where nobody said who does, every unit may."""
        return self.applied_by is None or unit in self.applied_by or kind in self.applied_by


def described(code: str, history: Said, at: Millis) -> Procedure:
    """A procedure from what had been said of it before an instant."""
    known: dict[str, Any] = {}
    for event_type, occurred, _, data in history:
        if occurred >= at:
            continue
        verb = event_type.removeprefix("procedure.")
        if verb == "described":
            known |= {n: data[n] for n in ("name", "field", "returns_document", "fee") if n in data}
            known |= {n: tuple(data[n]) for n in ("applied_by", "applicant_kinds") if n in data}
        elif verb == "online_level_set":
            known["online_level"] = data["level"]
        elif verb == "fee_set":
            known["fee"] = data["amount"] > 0
        elif verb == "limit_set":
            known["limit"] = (data["amount"], data.get("unit", "working_days"))
        elif verb == "payment_integrated":
            known["payment_integrated"] = True
    return Procedure(code, **known)


def all_described(ctx: FigureContext, at: Millis) -> dict[str, Procedure]:
    """Every procedure of which something had been said before an instant; shared, not to be changed."""

    def made() -> dict[str, Procedure]:
        return {
            code: described(code, history, at)
            for code, history in ctx.histories("procedure").items()
            if any(occurred < at for _, occurred, _, _ in history)
        }

    return ctx.documents.as_said("procedure", at, "described", made)


def procedures(ctx: FigureContext) -> list[dict[str, Any]]:
    """All procedures, described or only seen in dossiers."""
    known = all_described(ctx, ctx.now_ms)
    seen = frozenset(reference.procedures_seen(ctx.reader()))
    listed = []
    for code in sorted({*known, *seen}):
        p = known.get(code, Procedure(code))
        listed.append(
            {
                "code": code,
                "name": p.name or code,
                "field": p.field,
                "applied_by": None if p.applied_by is None else list(p.applied_by),
                "applicant_kinds": None if p.applicant_kinds is None else list(p.applicant_kinds),
                "returns_document": p.returns_document,
                "fee": p.fee,
                "online_level": p.online_level,
                "limit": None if p.limit is None else {"amount": p.limit[0], "unit": p.limit[1]},
                "payment_integrated": p.payment_integrated,
                "registered": code in known,
                "seen": code in seen,
            }
        )
    return listed


class ProcedureCounts:
    """The quantities `procedures:…` of any set of units, from one statement for all of them.

    Counted per applying unit: a procedure that names who applies it counts once for each such unit (with the
    offices under it), another one once. None where no procedure has been described: a count of what nobody
    listed would be a guess.
    """

    def __init__(self, ctx: FigureContext, q: Question) -> None:
        self._tree: Tree = ctx.tree
        self._known = {} if q.known_at is not None else all_described(ctx, q.until)
        self._counts: dict[tuple[str, str], Sequence[int]] = {}
        if self._known:
            rows = _booked(ctx, q)
            for unit, procedure, *counts in rows:
                known = self._counts.get((unit, procedure), (0,) * len(counts))
                self._counts[unit, procedure] = [a + b for a, b in zip(known, counts, strict=True)]

    def of(self, units: Iterable[str]) -> dict[str, Number | None]:
        """The counts of a subtree."""
        if not self._known:
            return {}
        mine = frozenset(units)
        found: dict[str, Number | None] = dict.fromkeys((f"procedures:{n}" for n in _COUNTS), 0)
        booked: dict[str, dict[str, Sequence[int]]] = {}
        for (unit, procedure), counts in self._counts.items():
            if unit in mine:
                booked.setdefault(procedure, {})[unit] = counts
        for code, known in self._known.items():
            for holds in self._places(known, mine, booked.get(code, {})):
                for name in holds:
                    found[f"procedures:{name}"] = (found[f"procedures:{name}"] or 0) + 1
        return found

    def _places(
        self, p: Procedure, units: frozenset[str], booked: Mapping[str, Sequence[int]]
    ) -> Iterable[list[str]]:
        """What holds of the procedure, for each place where it counts."""
        if p.applied_by is None:
            yield _holds(p, _added(booked.values()))
            return
        for unit in units:
            known = self._tree.units.get(unit)
            if known is not None and p.applies_to(unit, known.kind):
                below = self._tree.subtree(unit) if booked else ()
                yield _holds(p, _added(booked[u] for u in below if u in booked))


_COUNTS = "all online online_service with_online_dossier fee fee_synced paid_online citizen citizen_data".split()


def _added(counts: Iterable[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*counts, strict=True)]


def _holds(p: Procedure, counts: Sequence[int]) -> list[str]:
    def any_of(measure: str) -> bool:
        return bool(counts) and counts[_PLACE[measure]] > 0

    online = p.online_level in _ONLINE
    citizen = p.applicant_kinds is None or "citizen" in p.applicant_kinds
    named = {
        "all": True,
        "online": online,
        "online_service": online,
        "with_online_dossier": online and any_of("acc_online"),
        "fee": bool(p.fee),
        "fee_synced": bool(p.fee) and any_of("acc_payable"),
        "paid_online": bool(p.fee) and any_of("acc_paid_online"),
        "citizen": citizen,
        "citizen_data": citizen and any_of("acc_citizen_data"),
    }
    return [name for name, holds in named.items() if holds]


def _booked(ctx: FigureContext, q: Question) -> list[tuple[Any, ...]]:
    """Counts from whole months, and from the finest cells for the days that are left at both ends; of an end
    inside a day, what is accepted later that day is taken away."""
    first, after = ctx.zone.day(q.start), ctx.zone.day(q.until - 1) + 1
    low, high = _month_after(first - 1), _month_of(after)
    rows: list[tuple[Any, ...]] = []
    if low < high:
        rows += reference.procedure_counts(ctx.everything, low, high, whole_months=True)
    for start, end in ((first, low), (high, after)) if low < high else ((first, after),):
        if start < end:
            rows += reference.procedure_counts(ctx.everything, start, end, whole_months=False)
    tomorrow = ctx.zone.midnight(after)
    if q.until < tomorrow:
        later = reference.procedures_accepted(ctx.everything, after - 1, q.until, tomorrow)
        rows += [(unit, procedure, *(-n for n in counts)) for unit, procedure, *counts in later]
    return rows


def _month_of(day: Day) -> Day:
    return date_day(day_date(day).replace(day=1))


def _month_after(day: Day) -> Day:
    """The first day of the next month."""
    return _month_of(_month_of(day) + 31)


def announcements(ctx: FigureContext, q: Question) -> dict[str, Number | None]:
    """`fact:announced…`, `fact:…publicise…`: procedures announced in the period, and in time (domain.md §5 A).

    One late announcement of a procedure makes it late; one without an effective date cannot be judged and is
    left out. To be publicised: within five working days after the announcement.
    """
    histories = ctx.histories("procedure")
    calendar = ctx.calendar(q.until)
    announced: dict[str, bool] = {}
    due: dict[str, bool] = {}
    for code, history in histories.items():
        published = [at for name, at, _, _ in history if name == "procedure.publicised"]
        for name, at, _, data in history:
            if name != "procedure.announced" or at >= q.until:
                continue
            day = ctx.zone.day(at)
            if q.start <= at and data.get("effective_at"):
                effective = ctx.zone.day(parse_rfc3339(data["effective_at"]))
                in_time = day <= calendar.previous_working_day(effective, 5)
                announced[code] = announced.get(code, True) and in_time
            last = calendar.next_working_day(day, 5)
            end = ctx.zone.midnight(last + 1)
            if q.start < end <= q.until:
                in_time = any(at <= p < end for p in published)
                due[code] = due.get(code, True) and in_time
    return {
        "fact:announced": len(announced),
        "fact:announced_on_time": sum(announced.values()),
        "fact:to_publicise": len(due),
        "fact:publicised_on_time": sum(due.values()),
    }
