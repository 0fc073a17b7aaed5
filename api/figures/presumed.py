"""Our figures under what the national portal presumably does: the steps of a reconciliation, and the dossiers
that each step moves.

What the portal cannot hold (not synced, refused) or cannot judge (undated) is taken out dossier by dossier; other
comparisons come from the rule families that are booked anyway. Exact, because quantities are sums.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import fsum

import msgspec

from api.figures.context import FigureContext, Question
from api.figures.quantities import Quantities, from_totals
from api.figures.sums import judged
from api.figures.totals import Grain, Totals
from domain.expressions import Number
from domain.indicator_sets import IndicatorSet, RuleFamily, UnitKind
from domain.instants import Millis
from domain.measures import ATTRIBUTES
from domain.portal_figures import Published
from domain.reconciliation import SUPPOSED, CauseCode, Count, Figures, convinces, gap
from domain.scoring import figures, score_indicator
from domain.timeline import Timeline, decode_timeline
from sinks.queries import dossiers
from sinks.queries.dossiers import Timed
from sinks.queries.reader import Reader

Known = dict[str, Number | None]
_SYNCED = ATTRIBUTES.index("synced")
_OTHER_WAY: Mapping[RuleFamily, RuleFamily] = {"06a": "766", "06a-stopped-open": "766"}
PAGE = 20_000


@dataclass(frozen=True, slots=True)
class Presumption:
    """What one cause came to: `applied` to the figures, `told` by the log at all (a unit of which nothing was ever
    synced cannot tell what the portal holds), `dossiers` concerned where they were counted, `rule` in words."""

    cause: CauseCode
    applied: bool
    told: bool = True
    dossiers: int | None = None
    rule: str = ""


@dataclass(slots=True)
class Steps:
    """Our figures, and what became of them step by step."""

    ours: Figures
    steps: list[tuple[CauseCode, Figures]] = field(default_factory=list)
    presumptions: list[Presumption] = field(default_factory=list)

    @property
    def last(self) -> Figures:
        """The figures after the last step."""
        return self.steps[-1][1] if self.steps else self.ours


def portal_reading(family: RuleFamily) -> RuleFamily:
    """The other official comparison: dates for a set that compares hours, hours for one that compares dates."""
    return _OTHER_WAY.get(family, "06a")


class Presumed:
    """Makes the steps of one unit's reconciliation. `cut` is the instant up to which the portal had counted, None
    where nobody said; `portal_set` the index that it presumably used."""

    def __init__(
        self,
        ctx: FigureContext,
        q: Question,
        cut: Millis | None,
        portal_set: IndicatorSet,
        portal: Mapping[str, Published],
    ) -> None:
        self._ctx, self._q, self._portal, self._portal_set = ctx, q, portal, portal_set
        self._kind: UnitKind | None = ctx.tree.units[q.unit].kind  # type: ignore[assignment]
        self.until = q.until if cut is None or not q.start < cut < q.until else cut
        self._all: dict[str, Known] = {}
        self._province: Known = {}
        self._current: Known = {}

    def steps(self) -> Steps:
        """All steps in the order of `CAUSES`."""
        self._current = self._known(self._q.until, self._family)
        found = Steps(self._figures(self._current))
        self._add(found, "period_cut", self._known(self.until, self._family), self.until != self._q.until)
        apart = _Apart(self._ctx, self._q, self.until)
        told = apart.told(self._known(self.until, self._family))
        out: list[Totals] = []
        for cause in ("not_synced", "refused"):
            some = apart.some.get(cause, []) if told else []
            out += [apart.sum(some, self._family)]
            known = self._without(self._family, out)
            self._add(found, cause, known, bool(some), told=told, dossiers=len(some) if told else None)
        undated = apart.some.get("undated", [])
        kept = [d for c in ("not_synced", "refused") if told for d in apart.some.get(c, [])]
        if self._try(
            found, "undated", self._less(self._family, apart, [*kept, *undated]), len(undated), "left out"
        ):
            kept += undated
        family = self._family
        other = portal_reading(family)
        if self._try(found, "hour_or_date", self._less(other, apart, kept), None, f"{family} → {other}"):
            family = other
        self._pauses(found, apart, kept, family)
        self._nulls(found)
        self._set_version(found)
        return found

    @property
    def _family(self) -> RuleFamily:
        return self._q.indicator_set.rules

    def _pauses(self, found: Steps, apart: "_Apart", kept: list[Timed], family: RuleFamily) -> None:
        """Two suppositions about supplements, the better one counts: no credit where the due date was moved as
        well, or no credit at all. By dates there is no credit to begin with."""
        if family != "766":
            found.steps.append(("pauses", found.last))
            found.presumptions.append(Presumption("pauses", False, True, None, ""))
            return
        shifted = self._less("766-shift", apart, kept)
        gone = {t.code for t in kept}
        paused = [t for t in apart.paused if t.code not in gone]
        none = self._less("766", apart, kept)
        plain, bare = apart.sum(paused, "766"), apart.sum(paused, "766", without_pauses=True)
        none = _plus(_minus(none, from_totals(plain, "766")), from_totals(bare, "766"))
        choices = [(shifted, "766 → 766-shift"), (none, "supplement time not taken out")]
        best = min(choices, key=lambda c: gap(self._figures(c[0]), self._portal))
        self._try(found, "pauses", best[0], len(paused), best[1])

    def _nulls(self, found: Steps) -> None:
        """Where we know nothing and the portal had nothing to count, what the index gives for that."""
        filled = self._filled(self._q.indicator_set, found.last)
        changed = filled != found.last
        found.steps.append(("null_handling", filled if changed else found.last))
        found.presumptions.append(Presumption("null_handling", changed))

    def _filled(self, chosen: IndicatorSet, at: Figures) -> Figures:
        filled = dict(at)
        for indicator in chosen.indicators:
            mine, row = filled[indicator.code], self._portal.get(indicator.code)
            unknown = mine.numerator is None or mine.denominator is None
            if unknown and row is not None and not row.denominator and not row.numerator:
                score = score_indicator(indicator, row.numerator, row.denominator).points
                filled[indicator.code] = Count(row.numerator, row.denominator, score)
        return _with_groups(chosen, filled)

    def _set_version(self, found: Steps) -> None:
        mine, theirs = self._q.indicator_set, self._portal_set
        other = (mine.name, mine.version) != (theirs.name, theirs.version)
        then = (
            {**found.last, **self._filled(theirs, self._figures(self._current, theirs))} if other else found.last
        )
        found.steps.append(("set_version", then))
        rule = f"{mine.name}/{mine.version} → {theirs.name}/{theirs.version}" if other else ""
        found.presumptions.append(Presumption("set_version", other, True, None, rule))

    def _add(
        self,
        found: Steps,
        cause: CauseCode,
        known: Known,
        applied: bool,
        *,
        told: bool = True,
        dossiers: int | None = None,
    ) -> None:
        if applied:
            self._current = known
        found.steps.append((cause, self._figures(known) if applied else found.last))
        found.presumptions.append(Presumption(cause, applied, told, dossiers))

    def _try(self, found: Steps, cause: CauseCode, known: Known, dossiers: int | None, rule: str) -> bool:
        """A supposition counts where it explains at least half of what is left."""
        assert cause in SUPPOSED
        then = self._figures(known)
        better = convinces(found.last, then, self._portal)
        if better:
            self._current = known
        found.steps.append((cause, then if better else found.last))
        found.presumptions.append(Presumption(cause, better, True, dossiers, rule))
        return better

    def _known(self, until: Millis, family: RuleFamily) -> Known:
        """All quantities of the unit up to an instant under a rule family."""
        key = f"{until} {family}"
        if key not in self._all:
            chosen = msgspec.structs.replace(self._q.indicator_set, rules=family)
            asked = Quantities(self._ctx, replace(self._q, until=until, indicator_set=chosen))
            self._all[key] = asked.of(self._q.unit)
            self._province = self._province or asked.province()
        return self._all[key]

    def _without(self, family: RuleFamily, out: list[Totals]) -> Known:
        known = self._known(self.until, family)
        for totals in out:
            known = _minus(known, from_totals(totals, family))
        return known

    def _less(self, family: RuleFamily, apart: "_Apart", out: list[Timed]) -> Known:
        return self._without(family, [apart.sum(out, family)])

    def _figures(self, known: Known, chosen: IndicatorSet | None = None) -> Figures:
        chosen = chosen or self._q.indicator_set
        found: dict[str, Count] = {}
        for indicator in chosen.indicators:
            inherited = self._q.unit != self._ctx.root and self._kind in indicator.inherited_by
            numerator, denominator = figures(chosen, indicator, self._province if inherited else known)
            points = score_indicator(indicator, numerator, denominator, self._kind).points
            found[indicator.code] = Count(numerator, denominator, points)
        return _with_groups(chosen, found)


class _Apart:
    """The dossiers in hand that the portal presumably treats in another way, each in the first class that fits."""

    def __init__(self, ctx: FigureContext, q: Question, until: Millis) -> None:
        self._ctx, self._q, self._until = ctx, q, until
        self.some: dict[str, list[Timed]] = {}
        self.paused: list[Timed] = []
        unsynced = f"NOT bitTest(attributes, {_SYNCED})"
        self._any_synced = False
        rows = in_question(ctx, q, until, f"{unsynced} OR due_at IS NULL OR supplements > 0")
        for d in rows:
            tl = decode_timeline(d.timeline)
            if not any(s.start < until and (s.end is None or s.end >= q.start) for s in tl.stays):
                continue
            kind = class_of(tl)
            if kind is not None:
                self.some.setdefault(kind, []).append(d)
            if tl.supplements:
                self.paused.append(d)

    def told(self, known: Known) -> bool:
        """Whether the log tells what the portal holds: at least one dossier was synced, or one refused."""
        if self.some.get("refused") or known.get("hand:synced"):
            return True
        # Nothing of it is said: such dossiers are no class of their own, and undated ones are undated.
        silent = self.some.pop("not_synced", [])
        self.some["undated"] = [
            *self.some.get("undated", []),
            *(d for d in silent if is_undated(decode_timeline(d.timeline))),
        ]
        return False

    def sum(self, listed: list[Timed], family: RuleFamily, *, without_pauses: bool = False) -> Totals:
        """The sums of these dossiers alone."""
        grain = Grain(self._q.start, self._until, family)
        whole = Totals()
        for d in listed:
            timeline = d.timeline
            if without_pauses:
                timeline = msgspec.structs.replace(decode_timeline(timeline), supplements=()).encode()
            whole.add(judged(self._ctx, timeline, grain))
        return whole


def in_question(
    ctx: FigureContext, q: Question, until: Millis, where: str = "", after: str = ""
) -> Iterator[Timed]:
    """The dossiers of a question's unit that may be in hand in its period, in order of code; `where` narrows what
    is read now and is left out for what was known before."""
    reader: Reader = ctx.reader(q.unit)
    if q.known_at is not None:
        yield from dossiers.known(reader, q.known_at)
        return
    among = dossiers.in_hand(q.start, until, by_last_end=q.family != "06a-stopped-open")
    for page in dossiers.pages(reader, among, where, after=after, size=PAGE):
        yield from page


def class_of(tl: Timeline) -> CauseCode | None:
    """Why the portal presumably counts a dossier in another way, the first reason in the order of causes."""
    names = {name for name, _ in tl.attributes}
    if "synced" not in names:
        return "refused" if "refused" in names else "not_synced"
    return "undated" if is_undated(tl) else None


def is_undated(tl: Timeline) -> bool:
    """Whether no due date is known at all."""
    return bool(tl.stays) and all(x.due is None for x in tl.dues)


def _with_groups(chosen: IndicatorSet, found: Mapping[str, Count]) -> dict[str, Count]:
    """The figures with those of the groups: plain sums, in which null counts 0."""
    groups = {}
    for group in chosen.groups:
        scores = [s for i in chosen.members(group.code) if (s := found[i.code].score) is not None]
        if group.metric:
            groups[group.metric] = Count(score=fsum(scores) if scores else None, group=True)
    return {**found, **groups}


def _minus(known: Known, less: Mapping[str, Number | None]) -> Known:
    return {k: v if v is None or less.get(k) is None else v - (less[k] or 0) for k, v in known.items()}


def _plus(known: Known, more: Mapping[str, Number | None]) -> Known:
    return {k: v if v is None or more.get(k) is None else v + (more[k] or 0) for k, v in known.items()}
