"""What changed between two instants of knowledge: each figure, and the events that changed it.

The same question (unit, period, as of) is asked as known at both. A dossier's share of a figure is worked out from
its timeline by the functions that made the cells, so the shares must add to the difference exactly: what they do
not explain is named, never spread.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from api.audit import answers
from api.audit.answers import LISTED, answer, event
from api.audit.counted import Counted, counted, figure_of
from api.figures.context import FigureContext, Question, ask, heading
from api.figures.indicators import own_part
from api.figures.quantities import from_totals
from api.figures.scorecards import scorecard
from api.figures.sums import judged
from api.figures.totals import Grain
from domain.errors import InvalidInput
from domain.expressions import Expression, Number, evaluate, names
from domain.indicator_sets import Indicator
from domain.instants import Millis
from sinks.queries import audit, known
from sinks.queries.dossiers import Timed

Pair = tuple[Number, Number]
"""(numerator, denominator)."""
_DOCUMENTS = ("unit", "procedure", "calendar", "indicator_set", "alert_rules", "petition")
_OTHERS = ("procedures:", "fact:", "pet:", "observed:")
_PARTS = ("numerator", "denominator")


@dataclass
class Moved:
    """By how much the dossiers explain each figure, and which of them do."""

    sums: dict[str, Pair] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    dossiers: dict[str, dict[str, Pair]] = field(default_factory=dict)
    looked_at: int = 0

    def add(self, code: str, shares: dict[str, Pair]) -> None:
        """One dossier's changes, those that are none left out."""
        self.looked_at += 1
        kept = {name: pair for name, pair in shares.items() if pair != (0, 0)}
        for name, pair in kept.items():
            self.sums[name] = _plus(self.sums.get(name, (0, 0)), pair)
            self.counts[name] = self.counts.get(name, 0) + 1
        if kept:
            self.dossiers[code] = kept


def changes(
    ctx: FigureContext,
    unit: str,
    period: str,
    first: str | Millis,
    second: str | Millis,
    as_of: str | Millis | None = None,
    set_name: str | None = None,
    limit: int = LISTED,
) -> dict[str, Any]:
    """The scorecard as known at both instants, each changed figure with the dossiers and events that changed it.

    holds: every change of every figure is the sum of what named events did. fails: a figure is another though
    nothing that became known between explains it. cannot_tell: a document plays a part that is named but cannot be
    cut into single events, a figure was unknown, or two indicator sets would be compared.
    """
    low, high = ctx.known(first), ctx.known(second)
    if low is None or high is None or low >= high:
        raise InvalidInput("between takes two instants of knowledge, the earlier one first")
    # What may still arrive is left out: both sides would be read at different moments.
    high = max(low + 1, min(high, ctx.known_everywhere))
    asked = ctx.now_ms if as_of is None else ctx.instant(as_of)
    then, now = (ask(ctx, unit, period, asked, moment, set_name) for moment in (low, high))
    cards = [scorecard(ctx, unit, period, asked, moment, set_name) for moment in (low, high)]
    between = {"known_from": ctx.text(low), "known_to": ctx.text(high)}
    documents = _documents(ctx, low, high)
    if cards[0]["versions"]["set"] != cards[1]["versions"]["set"]:
        return _two_sets(ctx, now, between, cards, documents)
    moved = _moved(ctx, then, now, low, high)
    others = _others(ctx, then, now, cards) if ctx.visible is None else {}
    differences = _differences(now, cards, moved, others)
    open_ = [row["code"] for row in differences if not row["explained"]]
    unexplained = [row["code"] for row in differences if row["explained"] is False]
    nothing = not documents and not moved.dossiers and not any(others.values())
    fails = not documents and (bool(unexplained) or (bool(open_) and nothing))
    listed = sorted(moved.dossiers)[:limit]
    return answer(
        "changes",
        answers.verdict(fails, bool(open_)),
        {
            "indicators": len(cards[1]["indicators"]),
            "dossiers": moved.looked_at,
            "dossiers_that_count": len(moved.dossiers),
            "documents": len(documents),
        },
        differences,
        heading(ctx, now),
        reason=_reason(fails, open_),
        **between,
        totals=_totals(cards),
        dossiers=_causes(ctx, then, now, low, high, {code: moved.dossiers[code] for code in listed}),
        dossiers_left_out=len(moved.dossiers) - len(listed),
        others=_told_of_others(ctx, others, low, high)[:limit],
        documents=documents,
    )


class Other(NamedTuple):
    """A petition or a procedure whose share in a figure changed, and whose events may tell why."""

    kind: str
    code: str
    change: Pair
    subjects: tuple[tuple[str, str], ...]


def _others(
    ctx: FigureContext, then: Question, now: Question, cards: list[dict[str, Any]]
) -> dict[str, list[Other]]:
    """By indicator that changed and counts petitions or procedures: each one's change."""
    earlier = {row["code"]: row for row in cards[0]["indicators"]}
    found: dict[str, list[Other]] = {}
    for row in cards[1]["indicators"]:
        was, indicator = earlier[row["code"]], now.indicator_set.indicator(row["code"])
        changed = [_change(was[part], row[part]) for part in _PARTS]
        if indicator is None or None in changed or changed == [0, 0]:
            continue
        with suppress(InvalidInput):  # several kinds of things in one figure: stays unexplained
            figures = [figure_of(ctx, q, indicator) for q in (then, now)]
            if figures[0]["basis"] != "dossiers":
                sides = [
                    {r.code: r for r in counted(ctx, q, f)} for q, f in zip((then, now), figures, strict=True)
                ]
                found[row["code"]] = list(_compared(figures[0]["basis"], *sides))
    return found


def _compared(basis: str, before: Mapping[str, Counted], after: Mapping[str, Counted]) -> Iterator[Other]:
    for code in sorted(before.keys() | after.keys()):
        old, new = before.get(code), after.get(code)
        change = tuple((getattr(new, n, 0) - getattr(old, n, 0)) for n in ("up", "down"))
        if change != (0, 0):
            subjects = dict.fromkeys((*(new.subjects if new else ()), *(old.subjects if old else ())))
            kind = "petition" if basis == "petitions" else "procedure"
            yield Other(kind, code, (change[0], change[1]), tuple(subjects))


def _told_of_others(
    ctx: FigureContext, others: Mapping[str, list[Other]], low: Millis, high: Millis
) -> list[dict[str, Any]]:
    """Each petition or procedure once, with its changes and the events about it that became known between."""
    whole: dict[tuple[str, str], dict[str, Pair]] = {}
    subjects: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for indicator, moved in others.items():
        for one in moved:
            whole.setdefault((one.kind, one.code), {})[indicator] = one.change
            subjects.setdefault((one.kind, one.code), {}).update(dict.fromkeys(one.subjects))
    by_kind: dict[str, set[str]] = {}
    for kind, code in (s for mine in subjects.values() for s in mine):
        by_kind.setdefault(kind, set()).add(code)
    events = {
        kind: audit.events_of(ctx.everything, kind, sorted(codes), low, high) for kind, codes in by_kind.items()
    }
    return [
        {
            "kind": kind,
            "code": code,
            "changed": _named(changed),
            "events": [event(ctx, row) for k, c in subjects[kind, code] for row in events[k].get(c, ())],
        }
        for (kind, code), changed in sorted(whole.items())
    ]


def _reason(fails: bool, open_: list[str]) -> str:
    if not open_:
        return ""
    which = ", ".join(open_)
    if fails:
        return f"nothing that became known in between explains {which}: run gs766 audit verify"
    return f"{which} count more than dossiers: what became known is listed, not each one's part"


def _two_sets(
    ctx: FigureContext,
    q: Question,
    between: Mapping[str, Any],
    cards: list[dict[str, Any]],
    documents: list[dict[str, Any]],
) -> dict[str, Any]:
    then, now = (card["versions"]["set"] for card in cards)
    return answer(
        "changes",
        "cannot_tell",
        {"documents": len(documents)},
        [],
        heading(ctx, q),
        reason=f"the set was {then} as known then and is {now}: two sets are never compared: name one",
        **between,
        totals=_totals(cards),
        dossiers=[],
        dossiers_left_out=0,
        documents=documents,
    )


def _totals(cards: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: {"then": cards[0][name], "now": cards[1][name]} for name in ("total_portal", "total_rebased")}


def _units(ctx: FigureContext, q: Question) -> frozenset[str] | None:
    """The unit's subtree as it stood, within what may be seen; None for all."""
    if q.unit == ctx.root:
        return ctx.visible
    units = ctx.tree_at(q.known_at, q.as_of).subtree(q.unit)
    return units if ctx.visible is None else units & ctx.visible


def _moved(ctx: FigureContext, then: Question, now: Question, low: Millis, high: Millis) -> Moved:
    """Every dossier that changed between, judged as it stood before and after."""
    before_units, after_units = _units(ctx, then), _units(ctx, now)
    both = None if before_units is None or after_units is None else before_units | after_units
    reader = ctx.everything.within(both)
    moved = Moved()
    for before, after in known.changed(reader, low, high, known.count_changed(reader, low, high, high)[0]):
        earlier = shares(ctx, then, before, before_units)
        later = shares(ctx, now, after, after_units)
        found = after or before
        assert found is not None or earlier == later
        if found is not None:
            moved.add(found.code, _difference(earlier, later))
    return moved


def shares(ctx: FigureContext, q: Question, stood: Timed | None, units: frozenset[str] | None) -> dict[str, Pair]:
    """What one dossier adds to each indicator that counts dossiers; nothing where it is unknown or elsewhere."""
    if stood is None or (units is not None and stood.unit not in units):
        return {}
    quantities: dict[str, Number | None] = dict(
        from_totals(judged(ctx, stood.timeline, Grain(q.start, q.until, q.family)), q.family)
    )
    found = {}
    for indicator in q.indicator_set.indicators:
        parts = _own_parts(q, indicator)
        if parts is not None:
            up, down = (evaluate(part, quantities) or 0 for part in parts)
            found[indicator.code] = (up, down)
    return found


def _own_parts(q: Question, indicator: Indicator) -> tuple[Expression, Expression] | None:
    """The parts of a figure that dossiers make up; None for one that counts something else."""
    figure = q.indicator_set.figure(indicator)
    parts = own_part(figure.numerator), own_part(figure.denominator)
    return None if any(_counts_others(part) for part in parts) else parts


def _counts_others(*parts: Expression) -> bool:
    return any(name.startswith(_OTHERS) for part in parts for name in names(part))


def _plus(a: Pair, b: Pair, sign: int = 1) -> Pair:
    return a[0] + sign * b[0], a[1] + sign * b[1]


def _difference(earlier: Mapping[str, Pair], later: Mapping[str, Pair]) -> dict[str, Pair]:
    codes = dict.fromkeys((*earlier, *later))
    return {code: _plus(later.get(code, (0, 0)), earlier.get(code, (0, 0)), -1) for code in codes}


def _differences(
    q: Question, cards: list[dict[str, Any]], moved: Moved, others: Mapping[str, list[Other]]
) -> list[dict[str, Any]]:
    """Each indicator of which a part changed. `explained`: true where the dossiers' shares add to the change,
    false where they ought to and do not, null where the figure rests on more than dossiers."""
    earlier = {row["code"]: row for row in cards[0]["indicators"]}
    rows = []
    for row in cards[1]["indicators"]:
        was, code = earlier[row["code"]], row["code"]
        if all(row[part] == was[part] for part in _PARTS):
            continue
        changed = [_change(was[part], row[part]) for part in _PARTS]
        by_dossiers = moved.sums.get(code, (0, 0))
        rows.append(
            {
                "code": code,
                "name": row["name"],
                **{
                    part: {"then": was[part], "now": row[part], "change": change}
                    for part, change in zip(_PARTS, changed, strict=True)
                },
                "points": {"then": was["points"], "now": row["points"]},
                "by_dossiers": dict(zip(_PARTS, by_dossiers, strict=True)),
                "dossiers": moved.counts.get(code, 0),
                "explained": _explained(q, code, changed, by_dossiers, others.get(code)),
            }
        )
    return rows


def _change(then: Number | None, now: Number | None) -> Number | None:
    """Null is not zero: what was unknown cannot be subtracted."""
    return None if then is None or now is None else now - then


def _explained(
    q: Question, code: str, changed: list[Number | None], by_dossiers: Pair, others: list[Other] | None
) -> bool | None:
    indicator = q.indicator_set.indicator(code)
    assert indicator is not None
    if others is not None and changed == [sum(one.change[n] for one in others) for n in (0, 1)]:
        return True
    if _own_parts(q, indicator) is not None and tuple(changed) == by_dossiers:
        return True
    figure = q.indicator_set.figure(indicator)
    return None if None in changed or _counts_others(figure.numerator, figure.denominator) else False


def _causes(
    ctx: FigureContext,
    then: Question,
    now: Question,
    low: Millis,
    high: Millis,
    dossiers: Mapping[str, Mapping[str, Pair]],
) -> list[dict[str, Any]]:
    """Each dossier with its part in the changes, and the events at which that part came about: of its versions
    between, those that count for another share than the one before."""
    stood = {d.code: d for d in known.stood(ctx.everything, list(dossiers), low)}
    units = _units(ctx, now)
    last = {code: shares(ctx, then, stood.get(code), _units(ctx, then)) for code in dossiers}
    steps: list[tuple[str, int, int]] = []
    for version in audit.versions(ctx.everything, list(dossiers), low, high):
        code = version.stood.code
        counted = shares(ctx, now, version.stood, units)
        if any(pair != (0, 0) for pair in _difference(last[code], counted).values()):
            steps.append((code, version.partition, version.offset))
        last[code] = counted
    places = [(partition, offset) for _, partition, offset in steps]
    by_place = audit.events_at(ctx.everything, list(dossiers), places) if places else {}
    events: dict[str, list[dict[str, Any]]] = {}
    for code, partition, offset in steps:
        found = by_place.get((code, partition, offset)) or by_place.get(("", partition, offset)) or []
        events.setdefault(code, []).extend(event(ctx, row) for row in found)
    return [
        {"dossier_code": code, "changed": _named(pairs), "events": events.get(code, [])}
        for code, pairs in dossiers.items()
    ]


def _named(pairs: Mapping[str, Pair]) -> dict[str, dict[str, Number]]:
    return {code: dict(zip(_PARTS, pair, strict=True)) for code, pair in pairs.items()}


def _documents(ctx: FigureContext, low: Millis, high: Millis) -> list[dict[str, Any]]:
    """What became known besides dossiers and may move a figure; petitions only to who may see all."""
    kinds: Iterable[str] = _DOCUMENTS if ctx.visible is None else _DOCUMENTS[:-1]
    rows = audit.events_between(ctx.everything, tuple(kinds), low, high, LISTED)
    return [{"subject": row["subject"], **event(ctx, row)} for row in rows]
