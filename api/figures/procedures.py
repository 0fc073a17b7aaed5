"""Procedures as reference: what was said of each, and the counts of procedures that indicators need."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from api.figures.context import FigureContext, Question
from api.figures.known_changes import known_changes
from api.figures.sums import said_from
from api.figures.units import Tree
from domain.bookings import Booking, book
from domain.calendar import WorkingCalendar
from domain.expressions import Number
from domain.indicator_sets import ProcedureCount
from domain.instants import Day, Millis, Zone, parse_rfc3339
from domain.measures import INDEX, PROCEDURE_MEASURES
from domain.procedures import procedure_key
from domain.timeline import decode_timeline
from sinks.queries import reference
from sinks.queries.reader import Reader

_ONLINE = ("full", "partial")
_PLACE = {name: n for n, name in enumerate(PROCEDURE_MEASURES)}
_COUNTED = {INDEX[name]: n for n, name in enumerate(PROCEDURE_MEASURES)}
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
    parts: tuple[str, ...] | None = None
    publicised: bool = False


def described(code: str, history: Said, at: Millis) -> Procedure:
    """A procedure from what had been said of it before an instant."""
    known: dict[str, Any] = {}
    for event_type, occurred, _, data in history:
        if occurred >= at:
            continue
        verb = event_type.removeprefix("procedure.")
        if verb == "described":
            known |= {n: data[n] for n in ("name", "field", "returns_document", "fee") if n in data}
            known |= {n: tuple(data[n]) for n in ("applied_by", "applicant_kinds", "parts") if n in data}
        elif verb == "online_level_set":
            known["online_level"] = data["level"]
        elif verb == "fee_set":
            known["fee"] = data["amount"] > 0
        elif verb == "limit_set":
            known["limit"] = (data["amount"], data.get("unit", "working_days"))
        elif verb in ("payment_integrated", "publicised"):
            known[verb] = True
    return Procedure(code, **known)


def said_of_procedures(ctx: FigureContext, known_at: Millis | None = None) -> dict[str, list[Any]]:
    """What was said of each procedure, of all spellings of its code together, in order of time; shared."""
    return ctx.standing(("said of procedures", known_at), lambda: _said_of_procedures(ctx, known_at))


def _said_of_procedures(ctx: FigureContext, known_at: Millis | None) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for code, history in ctx.histories("procedure", known_at).items():
        found.setdefault(procedure_key(code), []).extend(history)
    return {code: sorted(history, key=lambda h: h[1]) for code, history in found.items()}


def all_described(ctx: FigureContext, at: Millis, known_at: Millis | None = None) -> dict[str, Procedure]:
    """Every procedure of which something had been said before an instant; shared, not to be changed."""

    def made() -> dict[str, Procedure]:
        return {
            code: described(code, history, at)
            for code, history in said_of_procedures(ctx, known_at).items()
            if any(occurred < at for _, occurred, _, _ in history)
        }

    if known_at is None:
        return ctx.documents.as_said("procedure", at, "described", made)
    said = said_of_procedures(ctx, known_at)
    instants = ctx.standing(
        ("instants of procedures", known_at), lambda: sorted(h[1] for history in said.values() for h in history)
    )
    return ctx.standing(("described as known", known_at, bisect_left(instants, at)), made)


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


@dataclass(slots=True)
class Booked:
    """What is booked on procedures: of each unit by procedure, since a card looks at its units' own only; and what
    sets of units came to, for the very same descriptions and tree."""

    by_unit: dict[str, dict[str, Sequence[int]]] = field(default_factory=dict)
    counted: dict[frozenset[str] | None, tuple[Any, Tree, dict[str, Number | None]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.by_unit.values()))

    def with_changes(self, changes: Iterable[tuple[str, str, Sequence[int]]]) -> "Booked":
        """The same with (unit, procedure, counts) added; this one itself where there are none."""
        changed = Booked(dict(self.by_unit))
        own: set[str] = set()
        for unit, procedure, counts in changes:
            if unit not in own:
                changed.by_unit[unit] = dict(changed.by_unit.get(unit, {}))
                own.add(unit)
            mine = changed.by_unit[unit]
            mine[procedure] = _added([counts, mine[procedure]]) if procedure in mine else counts
        return changed if own else self


class ProcedureCounts:
    """The quantities `procedures:…` of any set of units, from one statement for all of them, which other questions
    about the same days share.

    A procedure counts once for a set of units of which any applies it (where nobody said who does, any unit may);
    online services count once for each unit that applies them, with the offices under it. None where no procedure
    has been described: a count of what nobody listed would be a guess.
    """

    def __init__(self, ctx: FigureContext, q: Question, tree: Tree, reader: Reader) -> None:
        self._tree = tree
        self._known = all_described(ctx, q.until, q.known_at)
        self._applying: dict[tuple[str, ...], frozenset[str]] = {}
        self._booked: Booked = _booked(ctx, q, reader) if self._known else Booked()

    def of(self, units: frozenset[str] | None) -> dict[str, Number | None]:
        """The counts of these units together; None for all. Made once while nothing that they rest on changes."""
        if not self._known:
            return {}
        found = self._booked.counted.get(units)
        if found is None or found[0] is not self._known or found[1] is not self._tree:
            found = self._booked.counted[units] = self._known, self._tree, self._count(units)
        return dict(found[2])

    def _count(self, units: frozenset[str] | None) -> dict[str, Number | None]:
        found: dict[str, Number | None] = dict.fromkeys((f"procedures:{n}" for n in get_args(ProcedureCount)), 0)
        booked: dict[str, dict[str, Sequence[int]]] = {}
        for unit in self._booked.by_unit if units is None else units:
            for code, counts in self._booked.by_unit.get(unit, {}).items():
                booked.setdefault(code, {})[unit] = counts
        applying: dict[tuple[str, ...] | None, frozenset[str] | None] = {}
        for code, p in self._known.items():
            if p.applied_by not in applying:
                applying[p.applied_by] = self._places(p, units)
            places = applying[p.applied_by]
            if places is not None and not places:
                continue
            mine = booked.get(code, {})
            counted = _holds(p, _added(mine.values()))
            if p.online_level in _ONLINE:
                counted["online_service"] = 1 if places is None else len(places)
                counted["with_online_dossier"] = self._with_online_dossier(mine, places)
            for name, n in counted.items():
                found[f"procedures:{name}"] = (found[f"procedures:{name}"] or 0) + n
        return found

    def _places(self, p: Procedure, units: frozenset[str] | None) -> frozenset[str] | None:
        """The units among these that apply a procedure; None where nobody said who does."""
        if p.applied_by is None:
            return None
        if p.applied_by not in self._applying:
            self._applying[p.applied_by] = applying(self._tree, p, None) or frozenset()
        found = self._applying[p.applied_by]
        return found if units is None else found & units

    def _with_online_dossier(self, booked: Mapping[str, Sequence[int]], places: frozenset[str] | None) -> int:
        """How many of the places have an online dossier, their own or of an office under them."""
        having = [unit for unit, counts in booked.items() if counts[_PLACE["acc_online"]] > 0]
        if places is None:
            return min(1, len(having))
        return len({self._place_of(unit, places) for unit in having} - {None})

    def _place_of(self, unit: str, places: frozenset[str]) -> str | None:
        here: str | None = unit
        while here is not None and here not in places:
            node = self._tree.units.get(here)
            here = None if node is None else node.parent
        return here


def applying(tree: Tree, p: Procedure, units: frozenset[str] | None) -> frozenset[str] | None:
    """The units among these (None: all) that apply a procedure, named or by their kind; None where nobody said."""
    if p.applied_by is None:
        return None
    by = frozenset(p.applied_by)
    found = frozenset(code for code, unit in tree.units.items() if code in by or unit.kind in by)
    return found if units is None else found & units


def _added(counts: Iterable[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*counts, strict=True)]


def _holds(p: Procedure, counts: Sequence[int]) -> dict[str, int]:
    """What holds of a procedure, 1 or 0, counted once however many units apply it."""

    def any_of(measure: str) -> bool:
        return bool(counts) and counts[_PLACE[measure]] > 0

    citizen = p.applicant_kinds is None or "citizen" in p.applicant_kinds
    return {
        "all": 1,
        "with_level": int(p.online_level is not None),
        "online": int(p.online_level in _ONLINE),
        "fee": int(bool(p.fee)),
        "fee_synced": int(bool(p.fee) and any_of("acc_fee_synced")),
        "paid_online": int(bool(p.fee) and any_of("acc_paid_online")),
        "citizen": int(citizen),
        "citizen_data": int(citizen and any_of("acc_citizen_data")),
    }


def _booked(ctx: FigureContext, q: Question, reader: Reader) -> Booked:
    """Counts of whole days, and what makes them exact: what is accepted later on the day of an end inside a day is
    taken away; as known inside a day, what changed since the nearest midnight is added."""
    first, after = ctx.zone.day(q.start), ctx.zone.day(q.until - 1) + 1
    tomorrow = ctx.zone.midnight(after)
    asked = ctx.asked(reader)
    if q.known_at is None:
        key = "procedure counts", asked.units, first, after
        whole = ctx.standing(key, lambda: _whole_days(asked, first, after))
        return whole.with_changes(_accepted_later(ctx, reader, q, tomorrow)) if q.until < tomorrow else whole
    known_at = q.known_at
    known = "procedure counts as known", asked.units, first, after, known_at
    whole = ctx.settled(known_at, known, lambda: _as_known(ctx, asked, first, after, known_at))
    if q.until < tomorrow:
        later = reference.procedures_accepted(reader, after - 1, q.until, tomorrow, q.known_at)
        whole = whole.with_changes((row[0], row[1], [-n for n in row[2:]]) for row in later)
    return whole


def _as_known(ctx: FigureContext, reader: Reader, first: Day, after: Day, known_at: Millis) -> Booked:
    since = known_changes(ctx, reader, known_at)
    before = ctx.zone.day(since.midnight)
    counts: dict[tuple[str, str], list[int]] = {}
    for (unit, procedure, _), days, sign in since.changed():
        for day, cell in days if procedure else ():
            if first <= day < after:
                for measure, value in cell:
                    place = _COUNTED.get(measure)
                    if place is not None:
                        mine = counts.setdefault((unit, procedure), [0] * len(_COUNTED))
                        mine[place] += sign * value
    whole = _whole_days(reader, first, after, before)
    return whole.with_changes((unit, procedure, mine) for (unit, procedure), mine in counts.items())


def _whole_days(reader: Reader, first: Day, after: Day, known_before: Day | None = None) -> Booked:
    booked = Booked()
    for unit, procedure, *counts in reference.procedure_counts(reader, first, after, known_before):
        booked.by_unit.setdefault(unit, {})[procedure] = counts
    return booked


def _accepted_later(
    ctx: FigureContext, reader: Reader, q: Question, tomorrow: Millis
) -> Iterator[tuple[str, str, Sequence[int]]]:
    """Negative counts of what is accepted from the end of the question on, on its last day: so much is said later
    than the end, and mostly nothing is."""
    listed = said_from(ctx, q.until)
    if listed is None:
        day = ctx.zone.day(q.until - 1)
        for unit, procedure, *counts in reference.procedures_accepted(reader, day, q.until, tomorrow):
            yield unit, procedure, [-n for n in counts]
        return
    for d in listed:
        if reader.includes(d.unit):
            entries = book(decode_timeline(d.timeline), ctx.zone).entries
            for taken in _counts_within(entries, d.procedure, q.until, tomorrow, -1):
                yield d.unit, d.procedure, taken


def _counts_within(
    bookings: Iterable[Booking], procedure: str, start: Millis, until: Millis, sign: int
) -> Iterator[Sequence[int]]:
    for at, measure, value in bookings:
        if procedure and measure in _COUNTED and start <= at < until:
            yield [sign * value * (n == measure) for n in _COUNTED]


def published_content(ctx: FigureContext, q: Question) -> dict[str, Number | None]:
    """`fact:procedures_…`: of the procedures that are public at the instant asked about, those whose description
    names every part that the set requires. Unknown where no part of any has been stated, and under a set that
    names no part: of nothing required everything would be full."""
    if not q.indicator_set.required_parts:
        return {}
    at = min(q.as_of, ctx.now_ms)
    public = [p for p in all_described(ctx, at, q.known_at).values() if p.publicised]
    if public and all(p.parts is None for p in public):
        return {}
    required = set(q.indicator_set.required_parts)
    return {
        "fact:procedures_public": len(public),
        "fact:procedures_full": sum(p.parts is not None and required <= set(p.parts) for p in public),
    }


def announcements(ctx: FigureContext, q: Question) -> dict[str, Number | None]:
    """`fact:announced…`, `fact:…publicise…`: procedures announced in the period, and in time (domain.md §5 A).

    One late announcement of a procedure makes it late; one without an effective date cannot be judged and is
    left out. To be publicised: within five working days after the announcement, days compared with days.
    """
    calendar = ctx.calendar(q.until, q.known_at)
    announced: list[bool] = []
    due: list[bool] = []
    for history in said_of_procedures(ctx, q.known_at).values():
        in_time, in_public = announced_of(ctx.zone, calendar, history, q.start, q.until)
        announced += [in_time] if in_time is not None else []
        due += [in_public] if in_public is not None else []
    return {
        "fact:announced": len(announced),
        "fact:announced_on_time": sum(announced),
        "fact:to_publicise": len(due),
        "fact:publicised_on_time": sum(due),
    }


def announced_of(
    zone: Zone, calendar: WorkingCalendar, history: Said, start: Millis, until: Millis
) -> tuple[bool | None, bool | None]:
    """Of one procedure: whether what was announced of it in [start, until) was in time, and whether what had to be
    publicised in it was; None where there was nothing."""
    published = [zone.day(at) for name, at, _, _ in history if name == "procedure.publicised" and at < until]
    announced: bool | None = None
    due: bool | None = None
    for name, at, _, data in history:
        if name != "procedure.announced" or at >= until:
            continue
        day = zone.day(at)
        if start <= at and data.get("effective_at"):
            effective = zone.day(parse_rfc3339(data["effective_at"]))
            in_time = day <= calendar.previous_working_day(effective, 5)
            announced = in_time if announced is None else announced and in_time
        last = calendar.next_working_day(day, 5)
        if start < zone.midnight(last + 1) <= until:
            in_time = any(day <= p <= last for p in published)
            due = in_time if due is None else due and in_time
    return announced, due
