"""A14: the portal's published figures that differ from ours beyond what the known causes explain."""

from collections.abc import Iterable

import msgspec

from api.figures.context import FigureContext, InvalidInput
from api.figures.reconciliation import EVENT, reconciliation
from api.raising.runner import Standing, every
from domain.instants import MS_DAY, Day, Millis
from domain.portal_gap import unexplained
from domain.raised import Raised, episode_of
from sinks.queries import reported

KIND = "A14"
LOOK_MS = 300_000
FRESH_MS = 62 * MS_DAY
"""Receipts older than this are history."""


class PortalGap:
    """Judged when a receipt has come, and once a day: explanations (late events, a sync) come in the meantime."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def __init__(self) -> None:
        self._judged: tuple[frozenset[str], Day] | None = None
        self._found: tuple[Raised, ...] = ()

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        return every(LOOK_MS, ctx.now_ms, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`. One alert a unit, period and receipt; a newer receipt takes the place of the one before."""
        del standing
        rows = reported.receipts(ctx.everything, EVENT, sorted(ctx.tree.units))
        fresh = [row for row in rows if row["known_at"] >= ctx.now_ms - FRESH_MS]
        state = frozenset(row["id"] for row in fresh), ctx.zone.day(ctx.now_ms)
        if state != self._judged:
            asked = {(row["subject"], _period(row["data"])) for row in fresh}
            found = (self._of(ctx, unit, period) for unit, period in sorted(asked) if period)
            self._found = tuple(one for one in found if one is not None)
            self._judged = state
        return self._found

    def _of(self, ctx: FigureContext, unit: str, period: str) -> Raised | None:
        try:
            told = reconciliation(ctx, unit, period)
        except InvalidInput:
            return None
        t = ctx.reference.thresholds
        beyond = unexplained(told["differences"], t.portal_points, t.portal_share)
        receipt = next((r for r in told["receipts"] if r["id"] == told["receipt"]), None)
        if not beyond or receipt is None:
            return None
        start = ctx.instant(receipt["known_at"]) or ctx.now_ms
        evidence = {
            "period": period,
            "receipt": receipt["id"],
            "published_at": receipt["published_at"],
            "log": receipt["log"],
            "set": told["versions"]["set"],
            "differences": beyond,
        }
        return Raised(KIND, unit, episode_of(period, receipt["id"]), unit, start, evidence=evidence)


def _period(data: str) -> str | None:
    try:
        found = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None
    period = found.get("period") if isinstance(found, dict) else None
    return period if isinstance(period, str) else None
