"""All quantities that an indicator set may mention, for any units of a question: sums, procedures, facts."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from api.figures.context import FigureContext, Question
from api.figures.petitions import PetitionCounts
from api.figures.procedures import ProcedureCounts, announcements, published_content
from api.figures.sums import summed, totals_by
from api.figures.totals import Grain, Totals
from domain.algebra import quantities
from domain.coverage import facts_of, untold
from domain.expressions import Number, names
from domain.indicator_sets import Indicator, IndicatorSet
from domain.instants import Millis
from domain.periods import parse_period
from sinks.queries.reader import Reader
from sinks.queries.sums import Key

REASONS = {
    "procedures:": "no procedure has been described as of then, so there is nothing to count",
    "fact:announced": "announcements are counted for the province as a whole",
    "fact:publicised": "announcements are counted for the province as a whole",
    "fact:to_publicise": "announcements are counted for the province as a whole",
    "fact:procedures_": "nobody has said which parts the published procedures have",
    "fact:communes": "no commune has been registered under this unit",
    "observed:": "no observation of this unit and period has been recorded",
    "": "nothing in the log tells it",
}
"""Why a quantity is unknown, by the beginning of its name; the first that fits."""
NO_PARTS = "the indicator set names no required_parts, so nothing says when a procedure's content is full"
UNTOLD = "the files that these dossiers came from do not tell it"


class Quantities:
    """The quantities of every unit of a question; made with few statements, whatever the number of units."""

    def __init__(self, ctx: FigureContext, q: Question) -> None:
        self._ctx = ctx
        self._q = q
        self.tree = ctx.tree_at(q.known_at, q.as_of)
        grain = Grain(q.start, q.until, q.family, q.known_at)
        reader = self._reader()
        self._totals: dict[Key, Totals] = totals_by(ctx, reader, grain)
        self._procedures = ProcedureCounts(ctx, q, self.tree, reader)
        self._petitions = PetitionCounts(ctx, q)
        self._province: dict[str, Number | None] | None = None
        self._untold = facts_of(_described(ctx, q.known_at))

    def _reader(self) -> Reader:
        """Over the unit's subtree as it stood, within what may be seen now."""
        ctx, q = self._ctx, self._q
        if q.known_at is None or q.unit == ctx.root:
            return ctx.reader(q.unit)
        units = self.tree.subtree(q.unit)
        return ctx.everything.within(units if ctx.visible is None else units & ctx.visible)

    def of(self, unit: str) -> dict[str, Number | None]:
        """A unit's quantities over its subtree; absent where unknown. The root counts everything."""
        whole = unit == self._ctx.root
        units = self.tree.subtree(unit)
        found = from_totals(summed(self._totals, None if whole else [(u,) for u in units]), self._q.family)
        found |= self._procedures.of(None if whole else units)
        found |= self._petitions.of(None if whole else units)
        found |= self._facts(unit, units, whole=whole)
        if not found.get("accepted_per_portal") and not found.get("fact:national_report_accepted"):
            found["fact:last_year_accepted_share"] = self._last_year.of(unit, None if whole else units)
        return self._without_untold(found, None if whole else units)

    def own(self, unit: str) -> dict[str, Number | None]:
        """What stands under the unit itself, and under no unit below it: sums only. Under the root also what
        stands under units that nobody knows."""
        under = self.tree.subtree(unit) - {unit}
        keys = [k for k in self._totals if k[0] not in under]
        mine = self._petitions.units() - under if unit == self._ctx.root else {unit}
        found = from_totals(summed(self._totals, keys), self._q.family) | self._petitions.of(mine)
        return self._without_untold(found, frozenset(unit for (unit,) in keys))

    def _without_untold(
        self, found: dict[str, Number | None], units: frozenset[str] | None
    ) -> dict[str, Number | None]:
        """What no source of these units' dossiers tells is None: it stands there, and is not known."""
        if not self._untold:
            return found
        everywhere = self._untold.get("", frozenset())
        bearing = [
            everywhere | self._untold.get(u, frozenset()) for (u,) in self._totals if not units or u in units
        ]
        if not bearing:
            return found
        some, all_of = frozenset().union(*bearing), frozenset.intersection(*bearing)
        return found | dict.fromkeys(untold(found, some, all_of))

    def province(self) -> dict[str, Number | None]:
        """What units take over from the province: facts, never sums."""
        if self._province is None:
            self._province = self._facts(self._ctx.root, frozenset(), whole=True)
        return self._province

    @cached_property
    def _last_year(self) -> "LastYear":
        return LastYear(self._ctx, self._q, self._reader())

    def _facts(self, unit: str, units: Iterable[str], *, whole: bool) -> dict[str, Number | None]:
        found: dict[str, Number | None] = {}
        if whole:
            found |= announcements(self._ctx, self._q) | published_content(self._ctx, self._q)
        found |= told(self._ctx, self._q, unit, self._q.period.label)
        communes = [
            u
            for u in (self.tree.units.get(c) for c in units)
            if u is not None and u.kind == "commune" and (u.closed_at is None or u.closed_at >= self._q.until)
        ]
        if communes:
            found["fact:communes"] = len(communes)
            found["fact:communes_certifying"] = sum(
                u.copies_from is not None and u.copies_from < self._q.until for u in communes
            )
        return found


TOLD = {
    "unit.national_report_received": "fact:national_report_accepted",
    "unit.portal_figures_received": "accepted_per_portal",
}
"""Which documents tell how many were accepted, and in place of which quantity."""


def told(ctx: FigureContext, q: Question, unit: str, period: str) -> dict[str, Number | None]:
    """Figures that documents told of exactly this unit and period, the last one of each counts."""
    found: dict[str, Number | None] = {}
    for name, at, _, data in ctx.histories("unit", q.known_at).get(unit, ()):
        if at >= ctx.now_ms or data.get("period") != period:
            continue
        figures = data.get("figures", {})
        if name in TOLD and figures.get("accepted") is not None:
            found[TOLD[name]] = figures["accepted"]
        elif name == "unit.observation_recorded":
            found |= {f"observed:{n.lower()}": value for n, value in figures.items()}
    return found


class LastYear:
    """Last year's accepted dossiers, ÷ 12 for a month and ÷ 4 for a quarter: what DOSSIER_SYNC is measured against
    where nothing was accepted in the period. What a report told of the year counts before what we counted."""

    def __init__(self, ctx: FigureContext, q: Question, reader: Reader) -> None:
        self._ctx, self._q = ctx, q
        self._year, self._parts = self.share_of(q.period.label)
        self._totals: dict[Key, Totals] = {}
        if self._parts:
            year = parse_period(self._year, ctx.zone, q.as_of)
            grain = Grain(year.start_ms, year.end_ms, q.family, q.known_at)
            self._totals = totals_by(ctx, reader, grain)

    @staticmethod
    def share_of(period: str) -> tuple[str, int]:
        """(the year before, of how many parts of a year the period is one); 0 for a period that is none."""
        shape = re.fullmatch(r"(\d{4})(-\d\d|-Q\d)?", period)
        if shape is None:
            return "", 0
        return str(int(shape[1]) - 1), {"": 1, "-Q": 4}.get((shape[2] or "")[:2], 12)

    def of(self, unit: str, units: Iterable[str] | None) -> Number | None:
        """The share of one unit; None where last year is unknown, or the period is none of these."""
        if not self._parts:
            return None
        reports = told(self._ctx, self._q, unit, self._year)
        known = [reports.get(name) or 0 for name in TOLD.values()]
        keys = None if units is None else [(u,) for u in units]
        counted = from_totals(summed(self._totals, keys), self._q.family)["accepted"] or 0
        total = max(known) or counted
        return total / self._parts if total else None


def _described(ctx: FigureContext, known_at: Millis | None) -> list[tuple[str, Iterable[str], Iterable[str]]]:
    """What sources said of themselves, in order of time: (source, units, facts that it cannot tell)."""
    said = [
        (
            at,
            data["source"],
            data.get("units") or (() if unit == ctx.root else (unit,)),
            data.get("cannot_tell", ()),
        )
        for unit, history in ctx.histories("unit", known_at).items()
        for name, at, _, data in history
        if name == "unit.source_described"
    ]
    return [(source, units, facts) for _, source, units, facts in sorted(said, key=lambda s: (s[0], s[1]))]


def from_totals(totals: Totals, family: str) -> dict[str, Number | None]:
    """The algebra over one cut's sums."""
    return dict(quantities(totals.sums.before, totals.sums.until, totals.as_recalled(), family))


def unknown_reason(chosen: IndicatorSet, indicator: Indicator, known: dict[str, Any]) -> str | None:
    """Why an indicator's figures are unknown, in a sentence; None when they are known."""
    figure = chosen.figure(indicator)
    for part in (figure.numerator, figure.denominator):
        for name in names(part):
            if known.get(name) is None and name != "fact:national_report_accepted":
                if name in known:
                    return UNTOLD
                if name.startswith("fact:procedures_") and not chosen.required_parts:
                    return NO_PARTS
                return next(text for start, text in REASONS.items() if name.startswith(start))
    return None
