"""All quantities that an indicator set may mention, for any units of a question: sums, procedures, facts."""

from collections.abc import Iterable
from typing import Any

from api.figures.context import FigureContext, Question
from api.figures.procedures import ProcedureCounts, announcements
from api.figures.sums import summed, totals_by
from api.figures.totals import Grain, Totals
from domain.algebra import quantities
from domain.coverage import facts_of, untold
from domain.expressions import Number, names
from domain.indicator_sets import Indicator, IndicatorSet
from sinks.queries.sums import Key

REASONS = {
    "procedures:": "no procedure has been described as of then, so there is nothing to count",
    "fact:announced": "announcements are counted for the province as a whole",
    "fact:publicised": "announcements are counted for the province as a whole",
    "fact:to_publicise": "announcements are counted for the province as a whole",
    "fact:procedures_": "which parts a published procedure must have is not known to the system",
    "fact:communes": "no commune has been registered under this unit",
    "pet:": "petitions as known inside a day are not kept",
    "": "nothing in the log tells it",
}
"""Why a quantity is unknown, by the beginning of its name; the first that fits."""
UNTOLD = "the files that these dossiers came from do not tell it"


class Quantities:
    """The quantities of every unit of a question; made with few statements, whatever the number of units."""

    def __init__(self, ctx: FigureContext, q: Question) -> None:
        self._ctx = ctx
        self._q = q
        grain = Grain(q.start, q.until, q.family, q.known_at)
        self._totals: dict[Key, Totals] = totals_by(ctx, ctx.reader(q.unit), grain)
        self._procedures = ProcedureCounts(ctx, q)
        self._province: dict[str, Number | None] | None = None
        self._untold = facts_of(_described(ctx))

    def of(self, unit: str) -> dict[str, Number | None]:
        """A unit's quantities over its subtree; absent where unknown. The root counts everything."""
        whole = unit == self._ctx.root
        units = self._ctx.tree.subtree(unit)
        found = from_totals(summed(self._totals, None if whole else [(u,) for u in units]), self._q.family)
        found |= self._procedures.of(units)
        found |= self._facts(unit, units, whole=whole)
        return self._without_untold(found, None if whole else units)

    def own(self, unit: str) -> dict[str, Number | None]:
        """What stands under the unit itself, and under no unit below it: sums only. Under the root also what
        stands under units that nobody knows."""
        under = self._ctx.tree.subtree(unit) - {unit}
        keys = [k for k in self._totals if k[0] not in under]
        found = from_totals(summed(self._totals, keys), self._q.family)
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

    def _facts(self, unit: str, units: Iterable[str], *, whole: bool) -> dict[str, Number | None]:
        if self._q.known_at is not None:
            return {}
        found: dict[str, Number | None] = dict(announcements(self._ctx, self._q)) if whole else {}
        found |= self._reported(unit)
        communes = [
            u for u in (self._ctx.tree.units.get(c) for c in units) if u is not None and u.kind == "commune"
        ]
        if communes:
            found["fact:communes"] = len(communes)
            found["fact:communes_certifying"] = sum(
                u.copies_from is not None and u.copies_from < self._q.until for u in communes
            )
        return found

    def _reported(self, unit: str) -> dict[str, Number | None]:
        """Figures that a document told for exactly this unit and period."""
        found: dict[str, Number | None] = {}
        for name, at, _, data in self._ctx.histories("unit").get(unit, ()):
            if name != "unit.national_report_received" or data.get("period") != self._q.period.label:
                continue
            if at < self._ctx.now_ms and data.get("figures", {}).get("accepted") is not None:
                found["fact:national_report_accepted"] = data["figures"]["accepted"]
        return found


def _described(ctx: FigureContext) -> list[tuple[str, Iterable[str], Iterable[str]]]:
    """What sources said of themselves, in order of time: (source, units, facts that it cannot tell)."""
    said = [
        (
            at,
            data["source"],
            data.get("units") or (() if unit == ctx.root else (unit,)),
            data.get("cannot_tell", ()),
        )
        for unit, history in ctx.histories("unit").items()
        for name, at, _, data in history
        if name == "unit.source_described"
    ]
    return [(source, units, facts) for _, source, units, facts in sorted(said, key=lambda s: (s[0], s[1]))]


def from_totals(totals: Totals, family: str) -> dict[str, Number | None]:
    """The algebra over one cut's sums."""
    found: dict[str, Number | None] = dict(
        quantities(totals.sums.before, totals.sums.until, totals.as_recalled(), family)
    )
    if totals.without_petitions:
        return {name: value for name, value in found.items() if not name.startswith("pet:")}
    return found


def unknown_reason(chosen: IndicatorSet, indicator: Indicator, known: dict[str, Any]) -> str | None:
    """Why an indicator's figures are unknown, in a sentence; None when they are known."""
    figure = chosen.figure(indicator)
    for part in (figure.numerator, figure.denominator):
        for name in names(part):
            if known.get(name) is None and name != "fact:national_report_accepted":
                if name in known:
                    return UNTOLD
                return next(text for start, text in REASONS.items() if name.startswith(start))
    return None
