"""What every figure is asked with: the store, the generation, the clock, and which units may be seen."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from api.figures.kept import Kept, Known, Shared, published_sets
from api.figures.then import History, Then
from api.figures.units import Tree, build_tree
from api.problems import NotFound
from domain.calendar import WorkingCalendar
from domain.errors import InvalidInput, NotKnownYet
from domain.indicator_sets import IndicatorSet, choose_set
from domain.instants import Millis, Zone, day_date, to_millis
from domain.periods import Period, parse_instant, parse_period
from domain.reference import Reference
from sinks import positions
from sinks.queries import at_positions
from sinks.queries.reader import Reader

Sets = Callable[[], Sequence[IndicatorSet]]
T = TypeVar("T")


@dataclass(frozen=True)
class FigureContext:
    """One question's surroundings; make one a request. `scope` holds the codes of the units whose subtrees may
    be seen (None: everything); what lies outside does not exist for the asker (NotFound). `sets` gives the
    indicator sets in order of publication; left out: the packaged ones and those published in the log.
    """

    client: Any
    generation: int
    zone: Zone
    root: str
    now: datetime | Millis
    scope: tuple[str, ...] | None = None
    complete_to: Mapping[Any, int] = field(default_factory=dict)
    sets: Sets | None = None
    memo: dict[Hashable, Any] = field(default_factory=dict, compare=False)
    """What this request has read already."""
    kept: Kept = field(default_factory=Kept, compare=False)
    """What was made for earlier requests; a server gives all of them the same."""
    opened: Callable[[str, str], str | None] = field(default=lambda _keyed, _across: None, compare=False)
    """Last year's keyed hash of an applicant out of what stands beside this year's, while both keys live."""
    shared: bool = False
    """Whether sums are made for the whole province and kept in `kept` while the log stands where it stands: for a
    server, of whose many requests each asks for another unit."""

    @cached_property
    def now_ms(self) -> Millis:
        """The clock's instant."""
        return self.now if isinstance(self.now, int) else to_millis(self.now)

    @cached_property
    def everything(self) -> Reader:
        """A reader without limits, for reference data and for what is judged afterwards."""
        return Reader(self.client, self.generation)

    @cached_property
    def documents(self) -> Known:
        """Documents and units as the store holds them at this request."""
        return self.standing("documents", lambda: self.kept.known(self.everything, self.zone, self.root))

    @cached_property
    def _here(self) -> Shared:
        if not self.shared:
            return Shared()
        reached = positions.complete_to(self.client, self.generation)
        return self.kept.at((self.generation, self.zone.name, self.root, tuple(sorted(reached.items()))))

    def standing(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for all requests while the log stands where it stands now. `key` names all
        that it depends on beside the log; what is made is not to be changed."""
        return self._here.get(key, make)

    def settled(self, known_at: Millis, key: Hashable, make: Callable[[], T]) -> T:
        """As `standing`, of what was known before an instant: it stands for good once everything that became known
        by then is among the rows that answer."""
        if self.shared and known_at <= self.known_everywhere:
            return self.kept.settled((self.generation, self.zone.name, self.root)).get(key, make)
        return self.standing(key, make)

    @cached_property
    def known_everywhere(self) -> Millis:
        """The instant before which nothing more becomes known: all of it lies within the rows that answer."""
        reached = tuple(sorted(self.complete_to.items()))
        return self.standing(
            ("known everywhere", reached),
            lambda: at_positions.known_everywhere(self.everything, self.complete_to) or 0,
        )

    def asked(self, reader: Reader) -> Reader:
        """Whom to ask for sums by unit: a reader of all where they are kept for others, else the same one."""
        return self.everything if self.shared else reader

    @cached_property
    def tree(self) -> Tree:
        """The units as they stand now."""
        return self.documents.tree(self.now_ms)

    @cached_property
    def visible(self) -> frozenset[str] | None:
        """The units that may be seen; None for all."""
        if self.scope is None or self.root in self.scope:
            return None
        return frozenset().union(*(self.tree.subtree(c) for c in self.scope if c in self.tree.units))

    def units_of(self, unit: str | None) -> frozenset[str] | None:
        """The units whose dossiers count for a unit: its subtree; None for all. NotFound outside the scope."""
        if unit is None:
            return self.visible
        if unit not in self.tree.units or (self.visible is not None and unit not in self.visible):
            raise NotFound(f"there is no unit {unit[:64]}")
        return None if unit == self.root else self.tree.subtree(unit)

    def reader(self, unit: str | None = None) -> Reader:
        """A reader over a unit's subtree, or over all that may be seen."""
        return self.everything.within(self.units_of(unit))

    def then(self, known_at: Millis) -> Then:
        """The documents as known before an instant."""
        return self.standing(("then", known_at), lambda: Then(self.documents.told(self.everything), known_at))

    def tree_at(self, known_at: Millis | None, at: Millis) -> Tree:
        """The units as they stand now, or as they stood at an instant as far as was known then."""
        if known_at is None:
            return self.tree
        said, stood_at = self.then(known_at).histories("unit"), min(at, self.now_ms)

        def made() -> Tree:
            texts = {code: msgspec.json.encode(history).decode() for code, history in said.items()}
            return build_tree(self.root, texts, self.documents.units, stood_at)

        told_by_then = sum(h[1] < stood_at for history in said.values() for h in history)
        return self.standing(("tree as known", known_at, told_by_then), made)

    def histories(self, kind: str, known_at: Millis | None = None) -> Mapping[str, History]:
        """The documents of a kind by subject: [type, occurred_at, event id, data] in canonical order."""
        if known_at is not None:
            return self.then(known_at).histories(kind)
        return self.documents.histories(kind)

    @cached_property
    def reference(self) -> Reference:
        """Calendars, limits and thresholds as the fold sees them."""
        return self.documents.reference

    def calendar(self, at: Millis, known_at: Millis | None = None) -> WorkingCalendar:
        """The working calendar at an instant."""
        return self.reference_at(known_at).calendar_at(at)[0]

    def reference_at(self, known_at: Millis | None) -> Reference:
        """Calendars, limits and thresholds now or as known before an instant."""
        if known_at is None:
            return self.reference
        kinds = ("calendar", "procedure", "alert_rules")
        return self.standing(
            ("reference as known", known_at), lambda: Reference(self.then(known_at).facts(kinds), self.zone)
        )

    @cached_property
    def known_sets(self) -> tuple[IndicatorSet, ...]:
        """All indicator sets, in order of publication."""
        return self.sets_at(None)

    def sets_at(self, known_at: Millis | None) -> tuple[IndicatorSet, ...]:
        """The packaged indicator sets and those published in the log, by now or before an instant of knowledge."""
        return tuple(self.sets()) if self.sets is not None else self.published_sets(known_at)[1]

    def published_sets(
        self, known_at: Millis | None = None
    ) -> tuple[dict[str, Mapping[str, Any]], tuple[IndicatorSet, ...]]:
        """The documents of sets by name, and all sets in order of publication."""
        if known_at is None:
            return self.documents.published
        return published_sets(self.then(known_at).histories("indicator_set"))

    def instant(self, text: str | Millis | None) -> Millis | None:
        """An instant as a person or a caller gave it."""
        return parse_instant(text, self.zone) if isinstance(text, str) else text

    def known(self, text: str | Millis | None) -> Millis | None:
        """An instant of knowledge; NotKnownYet before the log began."""
        known_at = self.instant(text)
        if known_at is None:
            return None
        began = self.documents.began(self.everything)
        if began is None or known_at <= began:
            since = "it is empty" if began is None else f"it begins at {self.text(began)}"
            raise NotKnownYet(
                f"nothing was known at {self.text(known_at)}: the log did not reach back so far; {since}"
            )
        return known_at

    def text(self, ms: Millis | None) -> str | None:
        """An instant in the province's zone, to the millisecond."""
        return None if ms is None else self.zone.local(ms).isoformat(timespec="milliseconds")

    def position(self) -> dict[str, Any]:
        """What every answer says of its source."""
        return {"generation": self.generation, "complete_to": {str(p): n for p, n in self.complete_to.items()}}


@dataclass(frozen=True, slots=True)
class Question:
    """A figure's bounds: [start, until), as known before `known_at` (None: now), under a set and its rules."""

    unit: str
    period: Period
    as_of: Millis
    until: Millis
    known_at: Millis | None
    indicator_set: IndicatorSet
    forecast: bool

    @property
    def start(self) -> Millis:
        """S, the first instant of the period."""
        return self.period.start_ms

    @property
    def family(self) -> str:
        """The rule family by which late is late."""
        return self.indicator_set.family


def ask(
    ctx: FigureContext,
    unit: str,
    period: str,
    as_of: str | Millis | None = None,
    known_at: str | Millis | None = None,
    set_name: str | None = None,
) -> Question:
    """The question as typed, made exact (decisions 27); InvalidInput or NotKnownYet where there is no answer."""
    ctx.units_of(unit)
    given = ctx.instant(as_of)
    asked = ctx.now_ms if given is None else given
    found = parse_period(period, ctx.zone, asked)
    until = found.until(asked)
    known = ctx.known(known_at)
    chosen = choose_set(ctx.sets_at(known), day_date(ctx.zone.day(until - 1)), set_name)
    return Question(unit, found, asked, until, known, chosen, asked > ctx.now_ms)


def heading(ctx: FigureContext, q: Question) -> dict[str, Any]:
    """The members that every answer about a period begins with."""
    return {
        "unit": q.unit,
        "period": q.period.label,
        "from": ctx.text(q.start),
        "until": ctx.text(q.until),
        "as_of": ctx.text(q.as_of),
        "known_at": ctx.text(q.known_at),
        "forecast": q.forecast,
        "set": q.indicator_set.name,
        "versions": versions(ctx, q.until, q.indicator_set, q.known_at),
        **ctx.position(),
    }


def versions(
    ctx: FigureContext, at: Millis, chosen: IndicatorSet, known_at: Millis | None = None
) -> dict[str, str]:
    """The versions of what the figure rests on beside the log."""
    return {
        "set": f"{chosen.name}/{chosen.version}",
        "calendar": ctx.reference_at(known_at).calendar_at(at)[1],
        "rules": chosen.family,
    }


__all__ = ["FigureContext", "InvalidInput", "NotFound", "Question", "ask", "heading", "versions"]
