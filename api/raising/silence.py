"""A13 from the store: units, or the whole system, that have been silent for longer than they usually are."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from api.figures.context import FigureContext
from api.raising.runner import Standing, every
from domain.instants import MS_DAY, Day, Millis
from domain.raised import Raised, episode_of
from domain.silence import DAYS, allowed_pause, filled, silent_since, usual_gap
from sinks.queries import beat

KIND = "A13"
EVERY_MS = 30_000
BUCKET_MS = 60_000
_MINUTE = 60_000


class Silence:
    """What is usual is worked out once a day from the working days before; the last arrivals are brought up to
    date every half minute. While the chain itself is red nothing is judged: that nothing comes out does not
    tell that nothing comes in."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def __init__(self, chain_red: Callable[[], bool] = lambda: False) -> None:
        self._chain_red = chain_red
        self._key: tuple[int, Day] | None = None
        self._usual: dict[str, int | None] = {}
        self._last: dict[str, Millis] = {}
        self._back: dict[str, Millis] = {}
        """Of units whose silence was broken and is not over yet: since when they are heard again."""
        self._upto: Millis = 0

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        return every(EVERY_MS, ctx.now_ms, last) and not self._chain_red()

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`. The root stands for the whole system; while that is silent, no unit is named beside it."""
        now, calendar = ctx.now_ms, ctx.calendar(ctx.now_ms)
        self._bring_up_to_date(ctx)
        found = {one.subject: one for one in standing.values() if one.holds(now) and not self._over(ctx, one)}
        closed = _closed(ctx)
        for unit in closed:
            found.pop(unit, None)
        for unit, last in self._last.items():
            if unit in found or unit in closed:
                continue
            since = silent_since(last, self._usual.get(unit), now, calendar, *_patience(ctx, unit))
            if since is not None:
                evidence = {"last_arrival": last, "usual_gap_ms": self._usual[unit], "whole": unit == ctx.root}
                found[unit] = Raised(KIND, unit, episode_of(last), unit, since, evidence=evidence)
        yield from ([found[ctx.root]] if ctx.root in found else found.values())

    def _over(self, ctx: FigureContext, one: Raised) -> bool:
        """Whether the feed is back and what was missing has come: until then an overdue dossier may be a finished
        one whose end is still on its way. Nothing heard since the silence began is silence, however long ago."""
        unit, silent = one.subject, int(one.evidence.get("last_arrival", 0))
        last = self._last.get(unit, 0)
        if last <= silent:
            return False
        back = self._back.setdefault(unit, last)
        newest = beat.newest_fact(ctx.everything, "" if unit == ctx.root else unit, silent)
        allowed = allowed_pause(self._usual.get(unit), *_patience(ctx, unit))
        over = filled(back, newest, ctx.now_ms, ctx.calendar(ctx.now_ms), allowed)
        if over:
            del self._back[unit]
        return over

    def _bring_up_to_date(self, ctx: FigureContext) -> None:
        now, calendar = ctx.now_ms, ctx.calendar(ctx.now_ms)
        today = ctx.zone.day(now)
        if self._key != (ctx.generation, today) or now < self._upto:
            since = ctx.zone.midnight(calendar.previous_working_day(today, DAYS))
            by_unit = defaultdict[str, list[Millis]](list)
            for unit, at in beat.arrivals(ctx.everything, since, BUCKET_MS):
                by_unit[unit].append(at)
                by_unit[ctx.root].append(at)
            self._usual = {unit: usual_gap(found, today, calendar) for unit, found in by_unit.items()}
            self._last = {unit: max(found) for unit, found in by_unit.items()}
            self._key, self._upto = (ctx.generation, today), now
            return
        # A little is read twice: what was on its way through the chain at the last look.
        recent = beat.last_arrivals(ctx.everything, max(self._upto - 10 * _MINUTE, now - MS_DAY))
        for unit, at in recent.items():
            for one in (unit, ctx.root):
                self._last[one] = max(at, self._last.get(one, 0))
        self._upto = now


def _closed(ctx: FigureContext) -> set[str]:
    """Units that are no more: of them nothing is expected."""
    return {code for code, unit in ctx.tree.units.items() if unit.closed_at or unit.merged_into}


def _patience(ctx: FigureContext, unit: str) -> tuple[int, float]:
    """(least, factor) of a unit's allowed pause; the root stands for the whole system."""
    t = ctx.reference.thresholds
    if unit == ctx.root:
        return t.feed_system_minutes * _MINUTE, 1.0
    return t.feed_unit_minutes * _MINUTE, t.feed_factor
