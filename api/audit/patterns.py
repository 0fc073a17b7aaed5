"""Findings: patterns of domain.md §8 in a unit's dossiers beside those of its peers; who closed which, and why.

A finding is "cần xác minh" until a person closes it with a reason; closing is an act about this evidence: another
event later is another finding.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from api.audit import answers
from api.audit.answers import answer
from api.audit.payments import Payments
from api.audit.searching import Looked, Search, search, shown
from api.figures.context import FigureContext, Question, ask, heading
from domain.errors import InvalidInput
from domain.instants import Millis
from domain.patterns import KINDS, OF_UNITS, FindingRules, Pattern, Told, all_paid_online, patterns
from sinks.queries import audit, dossiers

OPEN, CLOSED = "cần xác minh", "đã đóng"
EMPTY = "no dossier was heard of: there is nothing to look into"


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
    heard = own.union(*others.values())
    found = search(ctx, q, own, heard, rules)
    of_units = list(_of_units(ctx, q, own, heard, rules, found.payments))
    mine = [one for one in [*found.kept, *of_units] if kind in (None, one.pattern.kind)]
    mine.sort(key=lambda one: (-one.pattern.at, one.code))
    closed = audit.closings(ctx.everything, sorted({one.code for one in mine}))
    still_open = [one for one in mine if (one.code, one.id) not in closed]
    shut = [one for one in mine if (one.code, one.id) in closed]
    mass = sum(found.numbers[u] for u in own)
    told = answers.verdict(bool(still_open), not mass)
    by_kind = Counter(one.pattern.kind for one in mine)
    checked = {"dossiers": mass, "findings": len(mine), "open": len(still_open), **by_kind}
    return answer(
        "findings",
        told,
        checked,
        [_row(ctx, one, closed) for one in shown(ctx, still_open[:limit], q.until)],
        heading(ctx, q),
        reason="" if mass else EMPTY,
        left_out=max(0, len(still_open) - limit),
        finding_rules=version,
        by_kind=[
            *_by_kind(own, others, found, kind),
            *_payments_beside(own, others, of_units, found.payments, kind),
        ],
        closed=[_row(ctx, one, closed) for one in shown(ctx, shut[:limit], q.until)],
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
    own: frozenset[str], others: Mapping[str, frozenset[str]], found: Search, wanted: str | None
) -> list[dict[str, Any]]:
    """Each kind's share in the unit beside the distribution among its peers, in a thousand dossiers."""

    def number(units: frozenset[str], kind: str) -> int:
        return sum(found.counted[u, kind] for u in units)

    def share(units: frozenset[str], kind: str) -> float | None:
        mass = sum(found.numbers[u] for u in units)
        return None if not mass else round(1000 * number(units, kind) / mass, 2)

    rows = []
    for kind in sorted({kind for _, kind in found.counted if wanted in (None, kind)}):
        peers = [s for s in (share(units, kind) for units in others.values()) if s is not None]
        row = {"kind": kind, "title": KINDS[kind].title_vi, "findings": number(own, kind)}
        spread = {
            "peers_median": round(median(peers), 2) if peers else None,
            "peers_most": max(peers, default=None),
        }
        rows.append({**row, "per_thousand": share(own, kind), "peers": len(peers), **spread})
    return rows
