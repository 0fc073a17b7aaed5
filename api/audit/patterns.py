"""Findings: patterns of domain.md §8 in a unit's dossiers beside those of its peers; who closed which, and why.

A finding is "cần xác minh" until a person closes it with a reason; closing is an act about this evidence: another
event later is another finding.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, NamedTuple

from api.audit import answers
from api.audit.answers import answer
from api.figures.context import FigureContext, Question, ask, heading
from domain.errors import InvalidInput
from domain.instants import Millis
from domain.patterns import (
    KINDS,
    OF_UNITS,
    Filing,
    FindingRules,
    Paid,
    Pattern,
    Place,
    Telling,
    Told,
    all_paid_online,
    filing_of,
    patterns,
    payment_of,
    refiled,
    two_codes,
)
from sinks.queries import audit, dossiers

OPEN, CLOSED = "cần xác minh", "đã đóng"
EMPTY = "no dossier was heard of: there is nothing to look into"
PAGE = 2_000
SHOWN = 10
"""Payments shown of a unit whose every payment is online."""


class Looked(NamedTuple):
    """A dossier that a pattern was looked for in; for a kind that is about a unit, that unit's code."""

    code: str
    unit: str
    pattern: Pattern
    events: tuple[Told, ...]
    period: str = ""
    """Of a finding about a unit: what it is about, whatever payments are shown."""

    @property
    def id(self) -> str:
        """What names it: its kind, its dossier and the first event that shows it; or its kind, unit and period."""
        about = self.period or ":".join(map(str, self.pattern.places[0]))
        return hashlib.sha256(f"{self.pattern.kind}|{self.code}|{about}".encode()).hexdigest()[:24]


class Payments:
    """What is told of payments, by unit: counts, and the newest few as evidence."""

    def __init__(self) -> None:
        self.counts: dict[str, Paid] = {}
        self._newest: dict[str, list[tuple[str, Told]]] = defaultdict(list)

    def add(self, unit: str, code: str, told: tuple[Told, ...], start: Millis, until: Millis) -> None:
        """One dossier; a payment outside the period is left out."""
        found = payment_of(told)
        if found is None or not start <= found[0].at < until:
            return
        paid, online = found
        before = self.counts.get(unit, Paid())
        self.counts[unit] = Paid(before.online + online, before.paid + 1)
        if online:
            self._newest[unit] = sorted([*self._newest[unit], (code, paid)], key=lambda n: (n[1].at, n[0]))[
                -SHOWN:
            ]

    def of(self, units: frozenset[str]) -> Paid:
        """The counts of these units together."""
        mine = [self.counts[u] for u in units if u in self.counts]
        return Paid(sum(p.online for p in mine), sum(p.paid for p in mine))

    def newest(self, units: frozenset[str]) -> list[tuple[str, Told]]:
        """The newest online payments of these units with their dossiers."""
        found = [one for u in units for one in self._newest.get(u, ())]
        return sorted(found, key=lambda n: (n[1].at, n[0]))[-SHOWN:]


def rules_of(ctx: FigureContext) -> tuple[FindingRules, str]:
    """The thresholds published last (`findings` of an `alert_rules.published`), else ours; and their version."""
    return ctx.reference.thresholds.findings, ctx.reference.thresholds_version


def findings(
    ctx: FigureContext,
    unit: str,
    period: str,
    as_of: Millis | None = None,
    kind: str | None = None,
    limit: int = answers.LISTED,
    peers: bool = True,
) -> dict[str, Any]:
    """Findings of a unit's dossiers that began to hold in the period, each with its events; by kind how many in a
    thousand dossiers, beside the unit's peers (same parent, same kind of unit).

    holds: none is open. fails: one is to be verified. cannot_tell: there was no dossier.
    """
    if kind is not None and kind not in KINDS:
        raise InvalidInput(f"'{kind[:40]}' is not a kind of finding; known are {', '.join(KINDS)}")
    q, (rules, version) = ask(ctx, unit, period, as_of), rules_of(ctx)
    own = _subtree(ctx, unit)
    others = {peer: _subtree(ctx, peer) for peer in (_peers(ctx, unit) if peers else ())}
    looked: list[Looked] = []
    numbers: Counter[str] = Counter()
    payments = Payments()
    _look(ctx, q, own.union(*others.values()), rules, looked, numbers, payments)
    looked += _of_units(ctx, q, own, own.union(*others.values()), rules, payments)
    chosen = [one for one in looked if kind in (None, one.pattern.kind)]
    mine = [one for one in chosen if one.unit in own]
    closed = audit.closings(ctx.everything, sorted({one.code for one in mine}))
    rows = [_row(ctx, one, closed) for one in sorted(mine, key=lambda x: (-x.pattern.at, x.code))]
    still_open = [row for row in rows if row["status"] == OPEN]
    mass = sum(numbers[u] for u in own)
    counted = Counter(one.pattern.kind for one in mine)
    told = answers.verdict(bool(still_open), not mass)
    checked = {"dossiers": mass, "findings": len(rows), "open": len(still_open), **counted}
    return answer(
        "findings",
        told,
        checked,
        still_open[:limit],
        heading(ctx, q),
        reason="" if mass else EMPTY,
        left_out=max(0, len(still_open) - limit),
        finding_rules=version,
        by_kind=[*_by_kind(own, others, chosen, numbers), *_payments_beside(own, others, chosen, payments, kind)],
        closed=[row for row in rows if row["status"] == CLOSED][:limit],
    )


def _of_units(
    ctx: FigureContext,
    q: Question,
    own: frozenset[str],
    heard: frozenset[str],
    rules: FindingRules,
    payments: Payments,
) -> Iterator[Looked]:
    """Findings about the units themselves, each judged beside its peers as far as those were looked at."""
    for unit in sorted(own & ctx.tree.units.keys()):
        mine = _subtree(ctx, unit)
        peers = [s for s in (_subtree(ctx, peer) for peer in _peers(ctx, unit)) if s <= heard]
        if all_paid_online(payments.of(mine), [payments.of(s) for s in peers], rules):
            shown = payments.newest(mine)
            places = tuple(e.place for _, e in shown)
            pattern = Pattern("all_paid_online", q.until - 1, places)
            yield Looked(unit, unit, pattern, tuple(e for _, e in shown), q.period.label)


def _payments_beside(
    own: frozenset[str],
    others: Mapping[str, frozenset[str]],
    looked: list[Looked],
    payments: Payments,
    kind: str | None,
) -> Iterator[dict[str, Any]]:
    """The share of online payments beside its distribution among the peers, found or not."""
    mine, peers = payments.of(own), [payments.of(units) for units in others.values()]
    shares = [p.percent for p in peers if p.percent is not None]
    if mine.percent is None or kind not in (None, "all_paid_online"):
        return
    found = sum(one.pattern.kind == "all_paid_online" for one in looked)
    yield {
        "kind": "all_paid_online",
        "title": KINDS["all_paid_online"].title_vi,
        "findings": found,
        "paid": mine.paid,
        "percent": round(mine.percent, 2),
        "peers": len(shares),
        "peers_median": round(median(shares), 2) if shares else None,
        "peers_most": round(max(shares), 2) if shares else None,
    }


def one_of_unit(ctx: FigureContext, unit: str, period: str, kind: str, wanted: str) -> tuple[str, Looked] | None:
    """(unit, finding) about a unit and a period by its id, None where there is no such finding to be seen."""
    if kind not in OF_UNITS or unit not in ctx.tree.units:
        return None
    for row in findings(ctx, unit, period, None, kind, limit=answers.LISTED)["differences"]:
        if row["id"] == wanted:
            places = tuple((e["partition"], e["offset"], e["index"]) for e in row["events"])
            return row["unit"], Looked(row["unit"], row["unit"], Pattern(kind, ctx.now_ms, places), ())
    return None


def one(ctx: FigureContext, code: str, kind: str, wanted: str) -> tuple[str, Looked] | None:
    """(unit, finding) of a dossier by its id, None where there is no such finding to be seen."""
    found = dossiers.dossier(ctx.reader(), code)
    if found is None or kind not in KINDS:
        return None
    told = next((events for _, events in audit.told(ctx.everything, [code], ctx.now_ms)), ())
    rules, _ = rules_of(ctx)
    calendar = ctx.calendar(ctx.now_ms)
    candidates = [p for p in patterns(told, rules, calendar, ctx.now_ms) if p.kind == kind]
    if kind in ("two_codes", "refiled") and told:
        candidates = [Pattern(kind, told[0].at, (told[0].place,))]
    for pattern in candidates:
        looked = Looked(code, found["unit"], pattern, tuple(e for e in told if e.place in pattern.places))
        if looked.id == wanted:
            return found["unit"], looked
    return None


def _look(
    ctx: FigureContext,
    q: Question,
    units: frozenset[str],
    rules: FindingRules,
    looked: list[Looked],
    numbers: Counter[str],
    payments: Payments,
) -> None:
    """Adds what is found in the dossiers of some units; counts the dossiers by unit."""
    telling = Telling()
    found: list[Looked] = []
    firsts: dict[tuple[str, str], list[tuple[str, tuple[Told, ...]]]] = defaultdict(list)
    filings: dict[tuple[str, str], list[Filing]] = defaultdict(list)
    for code, unit, procedure, told in _told(ctx, q, units):
        numbers[unit] += 1
        telling.add(unit, told)
        payments.add(unit, code, told, q.start, q.until)
        calendar = ctx.calendar(told[0].at)
        for pattern in patterns(told, rules, calendar, q.until):
            found.append(Looked(code, unit, pattern, tuple(e for e in told if e.place in pattern.places)))
        first = tuple(e._replace(data={}) for e in told[: rules.two_codes_events + 2])
        firsts[unit, procedure].append((code, first))
        if (filing := filing_of(code, told)) is not None:
            filings[unit, procedure].append(filing)
    for (unit, _), group in firsts.items():
        at: dict[Place, Told] = {e.place: e for _, events in group for e in events}
        for code, pattern in two_codes(group, rules):
            found.append(Looked(code, unit, pattern, tuple(at[p] for p in pattern.places)))
    for (unit, _), filed in filings.items():
        shown = {e.place: e for f in filed for e in (f.first, f.rejected) if e is not None}
        for code, pattern in refiled(filed, rules):
            found.append(Looked(code, unit, pattern, tuple(shown[p] for p in pattern.places)))
    looked += [
        one
        for one in found
        if q.start <= one.pattern.at < q.until and telling.counts(one.unit, one.pattern.kind, rules)
    ]


def _told(
    ctx: FigureContext, q: Question, units: frozenset[str]
) -> Iterator[tuple[str, str, str, tuple[Told, ...]]]:
    """(code, unit, procedure, its events before the question's end) of the dossiers that the period heard of."""
    reader = ctx.everything.within(units)
    for page in dossiers.pages(reader, audit.heard_of(q.start, q.until), size=PAGE):
        named = {d.code: d for d in page}
        for code, told in audit.told(ctx.everything, list(named), q.until):
            yield code, named[code].unit, named[code].procedure, told


def _subtree(ctx: FigureContext, unit: str) -> frozenset[str]:
    units = ctx.tree.subtree(unit)
    return units if ctx.visible is None else units & ctx.visible


def _peers(ctx: FigureContext, unit: str) -> list[str]:
    node = ctx.tree.units[unit]
    siblings = ctx.tree.children.get(node.parent or "", ())
    return [
        c
        for c in siblings
        if c != unit and ctx.tree.units[c].kind == node.kind and (ctx.visible is None or c in ctx.visible)
    ]


def _row(ctx: FigureContext, found: Looked, closed: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, Any]:
    pattern, kind = found.pattern, KINDS[found.pattern.kind]
    name = found.id
    by = closed.get((found.code, name))
    row: dict[str, Any] = {
        "id": name,
        "kind": pattern.kind,
        "title": kind.title_vi,
        "dossier_code": None if found.pattern.kind in OF_UNITS else found.code,
        "unit": found.unit,
        "since": ctx.text(pattern.at),
        "status": CLOSED if by else OPEN,
        "events": [_event(ctx, e) for e in found.events],
    }
    if by:
        row["closed"] = {**by, "at": ctx.text(by["at"])}
    return row


def _event(ctx: FigureContext, e: Told) -> dict[str, Any]:
    place = dict(zip(answers.COORDINATES, e.place, strict=True))
    times = {"occurred_at": ctx.text(e.at), "recorded_at": ctx.text(e.recorded), "known_at": ctx.text(e.known)}
    return {"type": f"dossier.{e.verb}", **times, **place}


def _by_kind(
    own: frozenset[str], others: Mapping[str, frozenset[str]], looked: list[Looked], numbers: Counter[str]
) -> list[dict[str, Any]]:
    """Each kind's share in the unit beside the distribution among its peers, in a thousand dossiers."""
    by_unit: Counter[tuple[str, str]] = Counter((one.unit, one.pattern.kind) for one in looked)

    def share(units: frozenset[str], kind: str) -> float | None:
        mass = sum(numbers[u] for u in units)
        return None if not mass else round(1000 * sum(by_unit[u, kind] for u in units) / mass, 2)

    rows = []
    for kind in sorted({one.pattern.kind for one in looked} - OF_UNITS):
        peers = [s for s in (share(units, kind) for units in others.values()) if s is not None]
        row = {"kind": kind, "title": KINDS[kind].title_vi, "findings": sum(by_unit[u, kind] for u in own)}
        spread = {
            "peers_median": round(median(peers), 2) if peers else None,
            "peers_most": max(peers, default=None),
        }
        rows.append({**row, "per_thousand": share(own, kind), "peers": len(peers), **spread})
    return rows
