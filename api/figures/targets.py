"""Progress of units towards their targets: assigned, achieved, missing, needed a month, forecast, status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from api.figures.context import FigureContext, Question, ask, heading
from api.figures.quantities import Quantities
from domain.errors import InvalidInput
from domain.event_data import Figures
from domain.expressions import Number, names
from domain.instants import MS_DAY, Millis, day_date
from domain.periods import parse_period
from domain.scoring import figures, rate
from domain.target_documents import choose_targets, decode_targets, packaged_targets
from domain.targets import Figure, Pace, Target, TargetSet, progress
from sinks.queries import reported

OBSERVED = "unit.observation_recorded"
MONTH_MS = MS_DAY * 365.25 / 12


def targets(
    ctx: FigureContext,
    unit: str,
    period: str,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
    children: bool = False,
) -> dict[str, Any]:
    """The targets of a unit in a period, and with `children` those of the units right below it.

    A running period (`ytd`) is measured against the calendar year's end, any other against its own. Figures that
    the log cannot know are the last recorded observation of the period, with who recorded it and from which
    document. InvalidInput when no target document holds then.
    """
    q = ask(ctx, unit, period, as_of, known_at, set_name)
    chosen = choose_targets(known_targets(ctx, q.known_at), day_date(ctx.zone.day(q.until - 1)))
    if chosen is None:
        raise InvalidInput("no targets hold then: publish a target document (gs766 publish)")
    book = _Book(ctx, q, chosen)
    below = ctx.tree.children.get(unit, ()) if children else ()
    return {
        **heading(ctx, q),
        "targets_set": {
            "name": chosen.name,
            "version": chosen.version,
            "title": chosen.title,
            "valid_from": chosen.valid_from and chosen.valid_from.isoformat(),
            "valid_to": chosen.valid_to and chosen.valid_to.isoformat(),
            "rule": msgspec.to_builtins(chosen.rule),
        },
        "year": book.year,
        "ends_at": ctx.text(book.horizon),
        **book.of(unit),
        "children": [book.of(child) for child in below],
    }


def known_targets(ctx: FigureContext, known_at: Millis | None = None) -> tuple[TargetSet, ...]:
    """All sets of targets, now or as known before an instant, in order of publication; one that cannot be used
    any more is passed over."""
    published = [h for history in ctx.histories("target", known_at).values() for h in history]
    found = list(packaged_targets())
    for _, _, _, data in sorted(published, key=lambda h: h[1]):
        try:
            found.append(decode_targets(data["document"]))
        except (InvalidInput, KeyError):
            continue
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Month:
    """The quantities of one whole month of the period."""

    q: Question
    known: Quantities


class _Book:
    """What all units of one question share: few statements, whatever their number."""

    def __init__(self, ctx: FigureContext, q: Question, chosen: TargetSet) -> None:
        self._ctx, self._q, self._chosen = ctx, q, chosen
        last = day_date(ctx.zone.day(q.until - 1))
        self.year = last.year
        running = q.period.label == "ytd"
        self.horizon: Millis = (
            parse_period(str(self.year), ctx.zone, q.until).end_ms if running else q.period.end_ms
        )
        self._known = Quantities(ctx, q)
        self._last_year = self._question(str(self.year - 1))
        self._months = [_Month(m, Quantities(ctx, m)) for m in self._whole_months()]
        self._observed: dict[str, list[dict[str, Any]]] = {}
        for row in reported.receipts(ctx.everything, OBSERVED, sorted(ctx.tree.subtree(q.unit)), q.known_at):
            self._observed.setdefault(row["subject"], []).append(row)

    def of(self, unit: str) -> dict[str, Any]:
        """A unit's rows, in the order of the document; those for other kinds of units are left out."""
        node = self._ctx.tree.units[unit]
        rows = [
            self._row(unit, t)
            for t in self._chosen.targets
            if not t.unit_kinds or node.kind is None or node.kind in t.unit_kinds
        ]
        return {"unit": unit, "name": node.name, "kind": node.kind, "targets": rows}

    def _row(self, unit: str, target: Target) -> dict[str, Any]:
        observed = self._observation(unit, target, self._labels())
        computed = self._figure(unit, target, self._q, self._known)
        achieved = computed if computed.value is not None else _figure_of(target, observed)
        from_log = computed.value is not None
        before = self._observation(unit, target, (str(self.year - 1),))
        last_year = _figure_of(target, before).value
        if last_year is None and self._last_year is not None:
            last_year = self._figure(unit, target, self._last_year.q, self._last_year.known).value
        months = tuple(self._figure(unit, target, m.q, m.known) for m in self._months)
        pace = Pace(
            (self._q.until - self._q.start) / MONTH_MS,
            max(0, self.horizon - self._q.until) / MONTH_MS,
            months if from_log else (),
            level=self._is_level(target),
        )
        found = progress(target, self._chosen.rule, self.year, achieved, last_year, pace)
        source = None if from_log or observed is None else observed
        return {
            "code": target.code,
            "name": target.name,
            "name_en": target.name_en,
            "indicator": target.indicator or None,
            "unit_of_measure": target.unit,
            "better": target.better,
            "basis": target.basis,
            **msgspec.to_builtins(found),
            "observation": source and {k: source[k] for k in _TOLD},
        }

    def _figure(self, unit: str, target: Target, q: Question, known: Quantities) -> Figure:
        """A target's figure from the log; nothing where it has no indicator there, or no rate."""
        indicator = q.indicator_set.indicator(target.indicator) if target.indicator else None
        if indicator is None or unit not in self._ctx.tree.units:
            return Figure()
        kind = self._ctx.tree.units[unit].kind
        if indicator.unit_kinds and kind is not None and kind not in indicator.unit_kinds:
            return Figure()
        inherited = unit != self._ctx.root and kind in indicator.inherited_by
        source: Mapping[str, Number | None] = known.province() if inherited else known.of(unit)
        up, down = figures(q.indicator_set, indicator, source)
        return Figure(rate(up, down), up, down)

    def _is_level(self, target: Target) -> bool:
        """Whether a figure counts what stands (procedures, communes), which no month adds to."""
        indicator = self._q.indicator_set.indicator(target.indicator) if target.indicator else None
        if indicator is None:
            return False
        figure = self._q.indicator_set.figure(indicator)
        return any(
            n.startswith(("procedures:", "fact:procedures", "fact:communes")) for n in names(figure.denominator)
        )

    def _question(self, label: str) -> _Month | None:
        """The same question about another period; None where no index is known for it."""
        try:
            q = ask(self._ctx, self._q.unit, label, self._q.as_of, self._q.known_at, None)
        except InvalidInput:
            return None
        return _Month(q, Quantities(self._ctx, q))

    def _whole_months(self) -> list[Question]:
        """The calendar months that lie whole in the period so far: of a year at most twelve."""
        found = []
        for month in range(1, 13):
            period = parse_period(f"{self.year}-{month:02d}", self._ctx.zone, self._q.until)
            if self._q.start <= period.start_ms and period.end_ms <= self._q.until:
                found.append(replace(self._q, period=period, until=period.end_ms))
        return found

    def _labels(self) -> tuple[str, ...]:
        """The periods whose observations count, the best first: the period itself, then any of its year."""
        return (self._q.period.label, str(self.year), f"{self.year}-")

    def _observation(self, unit: str, target: Target, labels: Sequence[str]) -> dict[str, Any] | None:
        """The last observation of a target, of the first of these periods that has any ('2026-': any in it)."""
        told = [o for row in self._observed.get(unit, ()) if (o := _told(self._ctx, row, target)) is not None]
        for label in labels:
            fits = [
                o for o in told if o["period"] == label or (label.endswith("-") and o["period"].startswith(label))
            ]
            if fits:
                return max(fits, key=lambda o: (o["period"], o["at"]))
        return None


_TOLD = ("period", "recorded_at", "known_at", "document", "recorded_by")


def _told(ctx: FigureContext, row: Mapping[str, Any], target: Target) -> dict[str, Any] | None:
    """What an observation says of a target: a value under its code, or CODE.numerator and CODE.denominator."""
    try:
        data = msgspec.json.decode(row["data"], type=Figures)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None
    mine = {
        k: data.figures[n] for k in ("", ".numerator", ".denominator") if (n := target.code + k) in data.figures
    }
    if not mine:
        return None
    return {
        "period": data.period,
        "at": row["occurred_at"],
        "recorded_at": ctx.text(row["occurred_at"]),
        "known_at": ctx.text(row["known_at"]),
        "document": data.document,
        "recorded_by": data.recorded_by,
        "figures": mine,
    }


def _figure_of(target: Target, observed: Mapping[str, Any] | None) -> Figure:
    if observed is None:
        return Figure()
    told = observed["figures"]
    up, down = _whole(told.get(".numerator")), _whole(told.get(".denominator"))
    value = told.get("")
    return Figure(value if value is not None else (rate(up, down) if target.unit == "rate" else None), up, down)


def _whole(value: float | None) -> Number | None:
    return int(value) if value is not None and value == int(value) else value
